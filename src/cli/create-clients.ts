import type { Logger } from 'pino';
import type { Config, Secrets } from '../config/load-config.ts';
import { systemClock } from '../domain/time.ts';
import { createGitHubClient, type GitHubClient } from '../github/create-github-client.ts';
import { createSlurmClient, type SlurmClient } from '../slurm/create-slurm-client.ts';
import { tokenSource } from '../slurm/token.ts';

/** Both sides, as the configuration names them. */
export function createClients(
  config: Config,
  secrets: Secrets,
  log: Logger,
  fetchSlurm: typeof fetch = fetch,
): { readonly github: GitHubClient; readonly slurm: SlurmClient } {
  return {
    github: createGitHubClient({
      apiUrl: config.github.apiUrl,
      token: secrets.githubToken,
      clock: systemClock,
    }),
    slurm: createSlurmClient({
      ...config.slurm,
      token: tokenSource(secrets.slurmToken, config.slurm.user, systemClock),
      log,
      fetch: fetchSlurm,
    }),
  };
}
