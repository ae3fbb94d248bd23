import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

export interface ConfigValues {
  readonly apiUrl: string;
  /** Watched as they are, or with something of their own. */
  readonly repositories: readonly (string | WatchEntry)[];
  readonly slurmUrl: string;
  readonly slurmUser: string;
  readonly slurmTokenFile: string;
  /** The cluster's key in place of a token, so that other users have tokens, too. */
  readonly slurmSigningKeyFile?: string;
  readonly profiles: Readonly<Record<string, object>>;
  /** Of both sides. */
  readonly pollInterval?: string;
  /** Of GitHub alone. */
  readonly githubPollInterval?: string;
  readonly surplusGrace?: string;
  readonly idleTimeout?: string;
  readonly timeLimitWarning?: string;
  readonly output?: string;
  readonly launcher?: object;
  /** Further fields of `runner`. */
  readonly runner?: object;
  /** Of the Slurm jobs; default: the service's. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly maxAllocations?: number;
  readonly logLevel?: 'debug' | 'info';
  /** Default: beside the configuration. */
  readonly databaseFile?: string;
}

interface WatchEntry {
  readonly repository: string;
  readonly account?: string;
  readonly qos?: string;
  readonly user?: string;
}

export interface WrittenConfig {
  readonly file: string;
  readonly databaseFile: string;
  readonly listenUrl: string;
  readonly adminUrl: string;
}

/** A configuration of a service that runs on this machine, on ports of its own. JSON is YAML. */
export async function writeConfig(directory: string, values: ConfigValues): Promise<WrittenConfig> {
  const listen = `127.0.0.1:${await freePort()}`;
  const admin = `127.0.0.1:${await freePort()}`;
  const file = join(directory, 'config.yaml');
  const { pollInterval = '1s', databaseFile = join(directory, 'gha-slurm.sqlite') } = values;
  const config = {
    github: {
      apiUrl: values.apiUrl,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the service puts the variable in
      auth: { token: '${GITHUB_TOKEN}' },
      watch: values.repositories.map((entry) => (typeof entry === 'string' ? { repository: entry } : entry)),
      pollInterval: values.githubPollInterval ?? pollInterval,
    },
    slurm: {
      url: values.slurmUrl,
      user: values.slurmUser,
      token:
        values.slurmSigningKeyFile === undefined
          ? { file: values.slurmTokenFile }
          : { signingKeyFile: values.slurmSigningKeyFile },
      pollInterval,
      ...(values.output === undefined ? {} : { output: values.output }),
      ...(values.environment === undefined ? {} : { environment: values.environment }),
    },
    profiles: values.profiles,
    runner: {
      callbackUrl: `http://${listen}`,
      ...(values.idleTimeout === undefined ? {} : { idleTimeout: values.idleTimeout }),
      ...(values.timeLimitWarning === undefined ? {} : { timeLimitWarning: values.timeLimitWarning }),
      launcher: values.launcher ?? { kind: 'command', command: '/opt/actions-runner/run.sh' },
      ...values.runner,
    },
    limits: {
      surplusGrace: values.surplusGrace ?? '3s',
      maxAllocations: values.maxAllocations ?? 5_000,
      maxPerRepository: values.maxAllocations ?? 5_000,
    },
    database: { path: databaseFile },
    server: { listen, admin },
    log: { level: values.logLevel ?? 'info' },
  };
  writeFileSync(file, JSON.stringify(config, null, 2));
  return { file, databaseFile, listenUrl: `http://${listen}`, adminUrl: `http://${admin}` };
}
