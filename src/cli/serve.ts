/**
 * The composition root: puts the parts together, and takes them apart in the other order. One AbortSignal ends it: no new
 * work, what waits is dropped, what runs is waited for as long as a container is given; everything that matters is on disk.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pino, { type Logger } from 'pino';
import { type Config, configPath, loadConfig } from '../config/load-config.ts';
import { systemChance } from '../controller/chance.ts';
import type { ControllerConfig } from '../controller/context.ts';
import { createController } from '../controller/create-controller.ts';
import type { OperatorError } from '../domain/errors.ts';
import { systemClock } from '../domain/time.ts';
import { createGitHubClient } from '../github/create-github-client.ts';
import { createMetrics } from '../server/metrics.ts';
import { startServers } from '../server/start-servers.ts';
import { createSlurmClient } from '../slurm/create-slurm-client.ts';
import { tokenSource } from '../slurm/token.ts';
import { backupTakenAt } from '../store/backup-mark.ts';
import { explainDamage } from '../store/damage.ts';
import { openStore, type Store } from '../store/open-store.ts';

/** Docker kills after ten seconds, and a service is expected to be gone after five. */
const mutationsGraceMs = 3_000;

/** @throws OperatorError when it can't start, or when the database turns out to be damaged. */
export async function serve(option: string | undefined): Promise<void> {
  const { config, secrets } = loadConfig(configPath(option));
  const log = createLog(config);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  for (const notice of config.notices) log.warn(notice);

  const store = openStore(config.database);
  const damage = stopAtDamage(store, stop, log);
  try {
    noteBackup(store, log);
    const metrics = createMetrics();
    const fetch = stoppableFetch(stop.signal);
    const github = createGitHubClient({
      apiUrl: config.github.apiUrl,
      token: secrets.githubToken,
      clock: systemClock,
    });
    const controller = createController({
      store,
      slurm: createSlurmClient({
        ...config.slurm,
        token: tokenSource(secrets.slurmToken, config.slurm.user, systemClock),
        log,
        fetch,
      }),
      github,
      config: controllerConfig(config),
      clock: systemClock,
      chance: systemChance,
      log,
      count: metrics.count,
    });
    metrics.watch(controller, github);
    const servers = await startServers({
      ...config.server,
      adminToken: secrets.adminToken,
      controller,
      metrics: metrics.registry,
      log,
    });
    log.info(
      { listenPort: servers.listenPort, adminPort: servers.adminPort, instance: store.instanceId },
      'serving',
    );
    try {
      await controller.run(stop.signal);
    } finally {
      log.info('stopping');
      await servers.close();
    }
  } catch (error) {
    throw explainDamage(error, config.database.path);
  } finally {
    store.close();
  }
  if (damage.found !== null) throw damage.found;
  log.info('stopped');
}

/** A large file is checked while the service starts: it stops again when that finds something. */
function stopAtDamage(store: Store, stop: AbortController, log: Logger): { found: OperatorError | null } {
  const damage: { found: OperatorError | null } = { found: null };
  store.damage.then(
    (found) => {
      damage.found = found;
      if (found !== null) stop.abort();
    },
    (error: unknown) => log.warn({ err: error }, 'the database can not be checked'),
  );
  return damage;
}

function noteBackup(store: Store, log: Logger): void {
  const takenAtMs = backupTakenAt(store.db);
  if (takenAtMs === null) return;
  log.warn(
    { takenAt: new Date(takenAtMs).toISOString() },
    "this database is a backup: run 'gha-slurm repair' to compare it with Slurm and GitHub",
  );
}

/** At the end reads are given up at once; what changes something has a moment to be answered, and is in doubt after it. */
function stoppableFetch(stop: AbortSignal): typeof fetch {
  const giveUp = new AbortController();
  stop.addEventListener('abort', () => {
    setTimeout(() => giveUp.abort(), mutationsGraceMs).unref();
  });
  return (input, init) => {
    const method = input instanceof Request ? input.method : (init?.method ?? 'GET');
    const signals = [method === 'GET' ? stop : giveUp.signal, init?.signal].filter(
      (signal) => signal != null,
    );
    return fetch(input, { ...init, signal: AbortSignal.any(signals) });
  };
}

function controllerConfig(config: Config): ControllerConfig {
  const { slurm, runner } = config;
  return {
    repositories: config.github.repositories,
    profiles: config.profiles,
    limits: config.limits,
    githubPollMs: config.github.pollIntervalMs,
    slurmPollMs: slurm.pollIntervalMs,
    job: {
      script: readFileSync(join(import.meta.dirname, '../../slurm/job.sh'), 'utf8'),
      environment: slurm.environment,
      workingDirectory: slurm.workingDirectory,
      output: slurm.output,
      callbackUrl: runner.callbackUrl,
      launcherCommand: runner.launcherCommand,
      claimWaitMs: runner.claimWaitMs,
      idleTimeoutMs: runner.idleTimeoutMs,
      timeLimitWarningMs: runner.timeLimitWarningMs,
    },
    runnerNamePrefix: runner.namePrefix,
    extraLabels: runner.extraLabels,
    keepMs: config.database.keepMs,
  };
}

/** One JSON object a line on stdout. Errors go in without the fields that libraries hang on them: tokens may be there. */
function createLog(config: Config): Logger {
  return pino({
    level: config.logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: {
      err: (error: unknown) =>
        error instanceof Error
          ? { type: error.name, message: error.message, stack: error.stack }
          : String(error),
    },
  });
}
