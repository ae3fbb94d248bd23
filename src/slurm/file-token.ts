import { readFile, stat } from 'node:fs/promises';
import { OperatorError } from '../domain/errors.ts';
import { parseToken, type TokenSource } from './token-source.ts';

/**
 * Read again when the file changes: another time, size or inode, as after a rename, or the swap of the symbolic link
 * `..data` by which Kubernetes replaces a mounted secret.
 */
export function fileToken(path: string): TokenSource {
  let stamp = '';
  let token = '';

  async function look(anew: boolean): Promise<string> {
    try {
      const { mtimeMs, ctimeMs, size, ino } = await stat(path);
      const now = `${mtimeMs}:${ctimeMs}:${size}:${ino}`;
      if (anew || now !== stamp) {
        token = parseToken(await readFile(path, 'utf8')) ?? '';
        stamp = now;
      }
    } catch (cause) {
      throw new OperatorError(unreadable(path, cause), 1, { cause });
    }
    if (token === '')
      throw new OperatorError(
        `The token file ${path} is empty or has more than a token: write a Slurm token into it (slurm.token.file).`,
      );
    return token;
  }

  return { current: () => look(false), renew: () => look(true) };
}

export function unreadable(path: string, cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
  return `${path} can't be read (${code}): check slurm.token and the file's mode.`;
}
