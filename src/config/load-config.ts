/**
 * Read, validate, freeze, once. Every fault of the file is named at once, with the path of its field; secrets are taken
 * out of the configuration, so that it can be logged.
 */
import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { exitConfig, OperatorError } from '../domain/errors.ts';
import { type Hook, hookEvents } from '../domain/hook.ts';
import type { Launcher } from '../domain/launcher.ts';
import type { Profile, ProfileOverride } from '../domain/profile.ts';
import { type Fault, interpolate } from './interpolate.ts';
import { mergeLauncher, toLauncher } from './launcher-schema.ts';
import { type ConfigDocument, configSchema } from './schema.ts';

export interface Secrets {
  readonly githubToken: string;
  readonly slurmToken:
    | { readonly value: string }
    | { readonly file: string }
    | { readonly signingKeyFile: string; readonly lifetimeMs: number }
    | {
        readonly command: readonly [string, ...string[]];
        readonly lifetimeMs: number | null;
        readonly timeLimitMs: number;
        readonly env: Environment;
      };
  readonly adminToken: string | null;
  /** Of the handoff `mailbox`; null with `callback`. */
  readonly mailboxSecret: string | null;
}

export interface Config {
  readonly github: {
    readonly apiUrl: string;
    readonly repositories: readonly string[];
    /** By repository: what its Slurm jobs have in place of their profile's. */
    readonly overrides: ReadonlyMap<string, ProfileOverride>;
    readonly pollIntervalMs: number;
  };
  readonly slurm: {
    /** One at least. */
    readonly urls: readonly string[];
    readonly caFile: string | undefined;
    readonly certFile: string | undefined;
    readonly keyFile: string | undefined;
    readonly user: string;
    readonly apiVersion: string;
    readonly pollIntervalMs: number;
    readonly workingDirectory: string;
    readonly output: string;
    readonly environment: Readonly<Record<string, string>>;
  };
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly runner: {
    readonly extraLabels: readonly string[];
    readonly namePrefix: string;
    /** How nodes reach the service; null where they don't, and are handed their runners through the comment of their Slurm job. */
    readonly callbackUrl: string | null;
    readonly claimWaitMs: number;
    readonly idleTimeoutMs: number;
    /** For how long a runner without a job stays where the service can't be asked. */
    readonly idleLimitMs: number;
    readonly timeLimitWarningMs: number;
    /** Slurm's KillWait: what a job that is told to end has until it is killed. */
    readonly killWaitMs: number;
    readonly launcher: Launcher;
    /** By profile: where it has a launcher of its own. */
    readonly launchers: ReadonlyMap<string, Launcher>;
    /** Node-local; undefined for $TMPDIR of the Slurm job, else /tmp. */
    readonly scratch: string | undefined;
    readonly imageCache: { readonly path: string | undefined; readonly limitMiB: number };
    readonly hooks: readonly Hook[];
  };
  readonly limits: {
    readonly maxAllocations: number;
    readonly surplusGraceMs: number;
    readonly maxPerRepository: number;
    readonly maxPending: number;
    /** Allocations for one workflow job that start nothing, until it rests. */
    readonly maxAttempts: number;
  };
  readonly database: {
    readonly path: string;
    readonly keepMs: number;
    readonly allowNetworkFileSystem: boolean;
  };
  readonly server: {
    readonly listen: { readonly host: string; readonly port: number };
    readonly admin: { readonly host: string; readonly port: number };
  };
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** What the file asks for and this version does not do, as sentences for the log. */
  readonly notices: readonly string[];
}

export class ConfigError extends OperatorError {
  override readonly name = 'ConfigError';
  readonly faults: readonly Fault[];
  constructor(path: string, faults: readonly Fault[]) {
    const lines = faults.map(
      (fault) => `  ${fault.path === '' ? '(whole file)' : fault.path}: ${fault.message}`,
    );
    super(
      `The configuration ${path} has ${faults.length} fault${faults.length === 1 ? '' : 's'}:\n${lines.join('\n')}`,
      exitConfig,
    );
    this.faults = faults;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `--config`, else `$GHA_SLURM_CONFIG`, else `./config.yaml`. */
export function configPath(option: string | undefined, env: Environment = process.env): string {
  return option ?? env['GHA_SLURM_CONFIG'] ?? './config.yaml';
}

/** @throws ConfigError with every fault of the file. */
export function loadConfig(
  path: string,
  env: Environment = process.env,
): { config: Config; secrets: Secrets } {
  const faults: Fault[] = [];
  const document = interpolate(readYaml(path), env, faults);
  const result = configSchema.safeParse(document, { reportInput: false });
  if (!result.success) {
    for (const issue of result.error.issues) {
      faults.push(
        ...(issue.code === 'unrecognized_keys'
          ? issue.keys.map((key) => ({ path: [...issue.path, key].join('.'), message: 'is not a setting' }))
          : [{ path: issue.path.join('.'), message: issue.message }]),
      );
    }
  }
  faults.push(...duplicateRepositories(document));
  if (!result.success || faults.length > 0) throw new ConfigError(path, faults);
  return { config: Object.freeze(toConfig(result.data)), secrets: toSecrets(result.data, env) };
}

function readYaml(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const message = `can't be read (${(cause as NodeJS.ErrnoException).code}): give --config, set GHA_SLURM_CONFIG, or put the file there; config.example.yaml is a start`;
    throw new ConfigError(path, [{ path: '', message }]);
  }
  const document = parseDocument(text, { prettyErrors: true });
  if (document.errors.length > 0) {
    throw new ConfigError(
      path,
      document.errors.map((error) => ({
        path: `line ${error.linePos?.[0].line ?? '?'}`,
        message: error.message.split('\n')[0] ?? '',
      })),
    );
  }
  return document.toJS() ?? {};
}

const watchList = z.object({ github: z.object({ watch: z.array(z.object({ repository: z.string() })) }) });

/** A repository belongs to exactly one scope. Looks at the document itself: it may have other faults. */
function duplicateRepositories(document: unknown): Fault[] {
  const seen = new Set<string>();
  const watch = watchList.safeParse(document).data?.github.watch ?? [];
  return watch.flatMap(({ repository }, index) => {
    const known = seen.has(repository.toLowerCase());
    seen.add(repository.toLowerCase());
    return known
      ? [{ path: `github.watch.${index}.repository`, message: `${repository} is watched twice` }]
      : [];
  });
}

const defaultTokenLifetimeMs = 600_000;
const defaultCommandTimeLimitMs = 10_000;

function toSecrets({ github, slurm, runner, server }: ConfigDocument, env: Environment): Secrets {
  return {
    githubToken: github.auth.token,
    slurmToken: toSlurmToken(slurm.token, env),
    adminToken: server.adminToken ?? null,
    mailboxSecret: runner.mailboxSecret ?? null,
  };
}

function toSlurmToken(token: ConfigDocument['slurm']['token'], env: Environment): Secrets['slurmToken'] {
  const { value, file, signingKeyFile = '', command, lifetime, timeLimit } = token;
  if (value !== undefined) return { value };
  if (file !== undefined) return { file };
  const [program, ...args] = command ?? [];
  if (program === undefined) return { signingKeyFile, lifetimeMs: lifetime ?? defaultTokenLifetimeMs };
  // With it scontrol would authenticate by an old token to make a new one.
  const { SLURM_JWT: _, ...without } = env;
  return {
    command: [program, ...args],
    lifetimeMs: lifetime ?? null,
    timeLimitMs: timeLimit ?? defaultCommandTimeLimitMs,
    env: without,
  };
}

function toConfig({
  github,
  slurm,
  profiles,
  runner,
  limits,
  database,
  server,
  log,
}: ConfigDocument): Config {
  return {
    github: {
      apiUrl: github.apiUrl.replace(/\/+$/, ''),
      repositories: github.watch.map((entry) => entry.repository),
      overrides: new Map(
        github.watch
          .filter(({ account, qos, user }) => (account ?? qos ?? user) !== undefined)
          .map(({ repository, ...override }) => [repository, override]),
      ),
      pollIntervalMs: github.pollInterval,
    },
    slurm: {
      urls: slurm.url,
      caFile: slurm.caFile,
      certFile: slurm.certFile,
      keyFile: slurm.keyFile,
      user: slurm.user,
      apiVersion: slurm.apiVersion,
      pollIntervalMs: slurm.pollInterval,
      workingDirectory: slurm.workingDirectory,
      output: slurm.output,
      environment: slurm.environment,
    },
    profiles: new Map(Object.entries(profiles).map(([name, profile]) => [name, toProfile(name, profile)])),
    runner: {
      extraLabels: runner.extraLabels,
      namePrefix: runner.namePrefix,
      callbackUrl: runner.handoff === 'callback' ? (runner.callbackUrl ?? null) : null,
      claimWaitMs: runner.claimWait,
      idleTimeoutMs: runner.idleTimeout,
      idleLimitMs: runner.idleLimit,
      timeLimitWarningMs: runner.timeLimitWarning,
      killWaitMs: runner.killWait,
      launcher: toLauncher(runner.launcher),
      launchers: new Map(
        Object.entries(profiles)
          .filter(([, profile]) => profile.launcher !== undefined)
          .map(([name, profile]) => [name, toLauncher(mergeLauncher(runner.launcher, profile.launcher))]),
      ),
      scratch: runner.scratch,
      imageCache: { path: runner.imageCache.path, limitMiB: runner.imageCache.limit },
      hooks: hookEvents.flatMap((event) => {
        const hook = runner.hooks[event];
        return hook === undefined ? [] : [{ event, script: hook.script, timeLimitMs: hook.timeLimit }];
      }),
    },
    limits: {
      maxAllocations: limits.maxAllocations,
      surplusGraceMs: limits.surplusGrace,
      maxPerRepository: limits.maxPerRepository,
      maxPending: limits.maxPending ?? Number.POSITIVE_INFINITY,
      maxAttempts: limits.maxAttempts,
    },
    database: {
      path: database.path,
      keepMs: database.keep,
      allowNetworkFileSystem: database.allowNetworkFileSystem,
    },
    server: { listen: server.listen, admin: server.admin },
    logLevel: log.level,
    notices: noticesOf(github),
  };
}

function toProfile(name: string, profile: ConfigDocument['profiles'][string]): Profile {
  const { partition, memory, memoryPerCpu, timeLimit, tmp, launcher: _, ...rest } = profile;
  return {
    ...rest,
    name,
    partition: partition.join(','),
    memoryMiB: memory,
    memoryPerCpuMiB: memoryPerCpu,
    timeLimitMinutes: Math.ceil(timeLimit / 60_000),
    tmpMiB: tmp,
  };
}

function noticesOf(github: ConfigDocument['github']): string[] {
  return github.webhookSecret === undefined
    ? []
    : ['github.webhookSecret is set, but this version serves no webhooks: jobs are found by polling alone.'];
}
