import type { TokenSource } from '../../src/slurm/token-source.ts';

/** Everybody's token, which stays what it is. */
export const fixedToken = (token: string) => (): TokenSource => ({
  current: async () => token,
  renew: async () => token,
});
