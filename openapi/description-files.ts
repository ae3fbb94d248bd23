import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Description } from './trim.ts';

/** The committed descriptions, one a version, oldest first. */
export function descriptionFiles(): { version: string; description: Description }[] {
  return readdirSync(import.meta.dirname)
    .filter((name) => /^v[\d.]+\.json$/.test(name))
    .sort()
    .map((name) => ({
      version: name.replace(/\.json$/, ''),
      description: JSON.parse(readFileSync(join(import.meta.dirname, name), 'utf8')) as Description,
    }));
}
