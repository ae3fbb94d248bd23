/** Where the token comes from; asked for before each call. Minted ones are renewed at four fifths of their life. */
import { createHmac } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { OperatorError } from '../domain/errors.ts';
import type { Clock } from '../domain/time.ts';

export type TokenConfig =
  | { readonly value: string }
  | { readonly file: string }
  | { readonly signingKeyFile: string; readonly lifetimeMs: number };

export type TokenSource = () => string;

/** @throws OperatorError, from the source, when a file can't be read. */
export function tokenSource(config: TokenConfig, user: string, clock: Clock): TokenSource {
  if ('value' in config) return () => config.value;
  if ('file' in config) return fileToken(config.file);
  return mintedToken(config.signingKeyFile, config.lifetimeMs, user, clock);
}

/** Read again when the file changes, as a mounted Kubernetes secret does. `scontrol token` prints SLURM_JWT=…. */
function fileToken(path: string): TokenSource {
  let stamp = '';
  let token = '';
  return () => {
    const { mtimeMs, size, ino } = stat(path);
    const now = `${mtimeMs}:${size}:${ino}`;
    if (now !== stamp) {
      token = read(path)
        .toString('utf8')
        .trim()
        .replace(/^SLURM_JWT=/, '');
      stamp = now;
    }
    if (token === '')
      throw new OperatorError(`The token file ${path} is empty: write a Slurm token into it.`);
    return token;
  };
}

function mintedToken(keyFile: string, lifetimeMs: number, user: string, clock: Clock): TokenSource {
  let token = '';
  let renewAtMs = Number.NEGATIVE_INFINITY;
  return () => {
    if (clock.monotonicMs() >= renewAtMs) {
      const issued = Math.floor(clock.wallMs() / 1_000);
      const claims = { exp: issued + Math.ceil(lifetimeMs / 1_000), iat: issued, sun: user };
      const body = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
      token = `${body}.${createHmac('sha256', read(keyFile)).update(body).digest('base64url')}`;
      renewAtMs = clock.monotonicMs() + lifetimeMs * 0.8;
    }
    return token;
  };
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function stat(path: string) {
  try {
    return statSync(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): OperatorError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
  return new OperatorError(`${path} can't be read (${code}): check slurm.token and the file's mode.`, 1, {
    cause,
  });
}
