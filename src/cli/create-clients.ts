import type { Logger } from 'pino';
import type { Config, Secrets } from '../config/load-config.ts';
import type { Ends } from '../domain/ends.ts';
import { systemClock } from '../domain/time.ts';
import { createGitHubClient, type GitHubClient } from '../github/create-github-client.ts';
import { slurmEndpoint } from '../slurm/connect.ts';
import { createSlurmClient, type SlurmClient } from '../slurm/create-slurm-client.ts';
import { tokenSources } from '../slurm/token.ts';

/** Both sides, as the configuration names them. */
export function createClients(
  config: Config,
  secrets: Secrets,
  log: Logger,
  ends?: Ends,
): { readonly github: GitHubClient; readonly slurm: SlurmClient } {
  return {
    github: createGitHubClient({
      apiUrl: config.github.apiUrl,
      token: secrets.githubToken,
      clock: systemClock,
      ...(ends === undefined ? {} : { ends }),
    }),
    slurm: createSlurmClient({
      endpoints: config.slurm.urls.map((url) => slurmEndpoint(url, config.slurm)),
      user: config.slurm.user,
      apiVersion: config.slurm.apiVersion,
      tokenFor: tokenSources(secrets.slurmToken, config.slurm.user, systemClock),
      clock: systemClock,
      log,
      ...(ends === undefined ? {} : { ends }),
    }),
  };
}
