/** Fields of the configuration file that have a unit or a form: what the rest of the program sees is plain. */
import { z } from 'zod';
import { parseDuration, parseSize } from './units.ts';

export const durationMs = z.string().transform((text, context) => {
  const value = parseDuration(text);
  if (value !== null) return value;
  context.addIssue(`"${text}" is not a duration: write one such as 500ms, 5s, 30m, 2h or 1d`);
  return z.NEVER;
});

export const sizeMiB = z.string().transform((text, context) => {
  const value = parseSize(text);
  if (value !== null && value > 0) return value;
  context.addIssue(`"${text}" is not a size: write one such as 512MiB or 2GiB`);
  return z.NEVER;
});

export const positive = z.int().positive();
export const text = z.string().min(1);
export const absolutePath = text.startsWith('/', 'must be an absolute path');

/**
 * Of paths on a node: without what shells, patterns, Docker's configuration and the options of a container take apart, so that no place
 * needs a quoting of its own. The batch script says the same of a scratch folder that it finds in its environment.
 */
export const nodePathPattern = /\/[^,:\s\p{Cc}'"`$\\*?[\]]*/u.source;
export const nodePath = text.regex(
  new RegExp(`^${nodePathPattern}$`, 'u'),
  'must be an absolute path on the node, without spaces, quotes, commas, colons, backslashes, $ and the wildcards * ? [ ]',
);
export const variable = z.string().regex(/^[A-Za-z_]\w*$/, 'must be the name of a variable');
export const httpUrl = text.refine(
  (value) => /^https?:\/\/[^/]/.test(value),
  'must be an http:// or https:// URL',
);

/** For checks that span fields: zod leaves them out where a field has a fault, and all faults are to be named at once. */
export const seen = ({ value }: { readonly value: unknown }): boolean =>
  typeof value === 'object' && value !== null;
