/** Where the token comes from, by configuration: fixed, a file, the cluster's key, or a command. */
import type { Clock } from '../domain/time.ts';
import { commandToken, type TokenCommand } from './command-token.ts';
import { fileToken } from './file-token.ts';
import { mintedToken } from './minted-token.ts';
import type { TokenSource } from './token-source.ts';

export type TokenConfig =
  | { readonly value: string }
  | { readonly file: string }
  | { readonly signingKeyFile: string; readonly lifetimeMs: number }
  | TokenCommand;

/** Of each user; null is `ownUser`. Tokens of others can be made from the cluster's key only: any other kind is one user's. */
export function tokenSources(
  config: TokenConfig,
  ownUser: string,
  clock: Clock,
): (user: string | null) => TokenSource {
  const own = tokenSource(config, ownUser, clock);
  const others = new Map<string, TokenSource>();
  return (user) => {
    if (user === null || user === ownUser || !('signingKeyFile' in config)) return own;
    const known = others.get(user) ?? tokenSource(config, user, clock);
    others.set(user, known);
    return known;
  };
}

export function tokenSource(config: TokenConfig, user: string, clock: Clock): TokenSource {
  if ('value' in config) return fixedToken(config.value);
  if ('file' in config) return fileToken(config.file, clock);
  if ('command' in config) return commandToken(config, clock);
  return mintedToken(config.signingKeyFile, config.lifetimeMs, user, clock);
}

function fixedToken(token: string): TokenSource {
  return { current: async () => token, renew: async () => token };
}
