import { chownSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { OperatorError } from '../../src/domain/errors.ts';

/** Where a token goes for another user, such as that of a container. */
export interface TokenPlace {
  readonly path: string;
  /** User and group, as numbers; null for the user that runs this. */
  readonly owner: number | null;
}

/** Writes it at once as a whole; nobody but its owner, and root, may read it. @throws OperatorError with what to do. */
export function handOverToken({ path, owner }: TokenPlace, token: string): void {
  const draft = `${path}.draft`;
  try {
    rmSync(draft, { force: true });
    writeFileSync(draft, `${token.trim()}\n`, { mode: 0o400, flag: 'wx' });
    if (owner !== null) chownSync(draft, owner, owner);
    renameSync(draft, path);
  } catch (cause) {
    throw new OperatorError(
      `The token can't be written to ${path} (${(cause as NodeJS.ErrnoException).code}): give --token-file a place in a folder that is there and can be written.`,
      1,
      { cause },
    );
  }
}
