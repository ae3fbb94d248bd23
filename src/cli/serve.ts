/**
 * The composition root: puts the parts together, and takes them apart in the other order. One AbortSignal ends it: no new
 * work, what waits is dropped, what runs is waited for as long as a container is given; everything that matters is on disk.
 */

import type { Logger } from 'pino';
import { configPath, loadConfig } from '../config/load-config.ts';
import { systemChance } from '../controller/chance.ts';
import { createController } from '../controller/create-controller.ts';
import type { Ends } from '../domain/ends.ts';
import type { OperatorError } from '../domain/errors.ts';
import { systemClock } from '../domain/time.ts';
import { createMetrics } from '../server/metrics.ts';
import { startServers } from '../server/start-servers.ts';
import { backupTakenAt } from '../store/backup-mark.ts';
import { explainDamage } from '../store/damage.ts';
import { openStore, type Store } from '../store/open-store.ts';
import { explainUnwritable } from '../store/unwritable.ts';
import { controllerConfig } from './controller-config.ts';
import { createClients } from './create-clients.ts';
import { createLog } from './create-log.ts';

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
    const clients = createClients(config, secrets, log, endsOf(stop.signal));
    const { github } = clients;
    const controller = createController({
      store,
      ...clients,
      config: controllerConfig(config, secrets),
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
    throw explainUnwritable(explainDamage(error, config.database.path), config.database.path);
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
function endsOf(stop: AbortSignal): Ends {
  const giveUp = new AbortController();
  stop.addEventListener('abort', () => {
    setTimeout(() => giveUp.abort(), mutationsGraceMs).unref();
  });
  return { looks: stop, changes: giveUp.signal };
}
