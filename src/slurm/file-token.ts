import { readFile, stat } from 'node:fs/promises';
import { OperatorError } from '../domain/errors.ts';
import type { Clock } from '../domain/time.ts';
import { parseToken, type TokenSource } from './token-source.ts';

/** Hundreds of calls a second ask for the token; one that is refused meanwhile is read again at once. */
const lookEveryMs = 1_000;

/**
 * Read again when the file changes: another time, size or inode, as after a rename, or the swap of the symbolic link
 * `..data` by which Kubernetes replaces a mounted secret.
 */
export function fileToken(path: string, clock: Clock): TokenSource {
  let stamp = '';
  let token = '';
  let lookedMs = Number.NEGATIVE_INFINITY;

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

  return {
    async current() {
      const nowMs = clock.monotonicMs();
      if (token !== '' && nowMs - lookedMs < lookEveryMs) return token;
      lookedMs = nowMs;
      return look(false);
    },
    renew: () => look(true),
  };
}

export function unreadable(path: string, cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
  return `${path} can't be read (${code}): check slurm.token and the file's mode.`;
}
