import type { submitBody } from './submit-body.ts';

type SubmitBody = ReturnType<typeof submitBody>;

/**
 * The body of a submit as bytes. Most of them are the batch script, which is one of a few texts: each is encoded once, and not a
 * thousand times.
 */
export function submitEncoder(): (body: SubmitBody) => Buffer {
  const scripts = new Map<string, Buffer>();
  return ({ job: { script, ...job } }) => {
    const known = scripts.get(script) ?? Buffer.from(`{"job":{"script":${JSON.stringify(script)},`);
    scripts.set(script, known);
    return Buffer.concat([known, Buffer.from(`${JSON.stringify(job).slice(1)}}`)]);
  };
}
