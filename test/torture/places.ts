/**
 * Where in the source something is asked for: the functions that are on the stack right now. What awaits them is left out, since it has
 * asked for nothing: it waits for what has. Places are as true as the lines that run, so only where nothing rewrites them: in plain
 * Node, which leaves what it strips blank.
 */

/** `transaction` and `submit` are asked for through drizzle, p-queue and promises of ours. */
const deep = 100;
const src = new URL('../../src/', import.meta.url).href;

/** Below `src`, the innermost first: `controller/claim.ts:107:5`. */
export function placesHere(): string[] {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = deep;
  const { stack = '' } = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  return stack.split('\n').flatMap((frame) => {
    const at = frame.indexOf(src);
    if (at === -1 || /^\s+at async /.test(frame)) return [];
    return frame.slice(at + src.length).replace(/\)$/, '');
  });
}
