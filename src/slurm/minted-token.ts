import { readFile } from 'node:fs/promises';
import { OperatorError } from '../domain/errors.ts';
import type { Clock } from '../domain/time.ts';
import { unreadable } from './file-token.ts';
import { type IssuedToken, issuedToken, type TokenSource } from './token-source.ts';

/** The rest is for clocks that differ, and for a call that waits: Slurm allows no leeway. */
export const usedPartOfLife = 0.8;

/** As `scontrol token` makes one: HS256 with the whole of the cluster's key file. The key is read for each token. */
export function mintedToken(keyFile: string, lifetimeMs: number, user: string, clock: Clock): TokenSource {
  async function mint(): Promise<IssuedToken> {
    const key = await readFile(keyFile).catch((cause: unknown) => {
      throw new OperatorError(unreadable(keyFile, cause), 1, { cause });
    });
    if (key.length === 0)
      throw new OperatorError(
        `The key file ${keyFile} is empty: slurm.token.signingKeyFile is the jwt_key of the cluster's slurm.conf.`,
      );
    // Needed by those who mint only, and a tenth of a second of the start.
    const { SignJWT } = await import('jose');
    const issuedSeconds = Math.floor(clock.wallMs() / 1_000);
    const token = await new SignJWT({ sun: user })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuedAt(issuedSeconds)
      .setExpirationTime(issuedSeconds + Math.ceil(lifetimeMs / 1_000))
      .sign(key);
    return { token, useMs: lifetimeMs * usedPartOfLife };
  }
  return issuedToken(mint, clock);
}
