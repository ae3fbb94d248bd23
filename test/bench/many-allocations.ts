/** Many live allocations: what a poll of Slurm costs, and how soon a restart knows where it stands, whatever the history. */
import Database from 'better-sqlite3';
import type { Release } from '../../slurm/cluster/root-file-system.ts';
import { slurmJobName } from '../../src/domain/names.ts';
import { poolOf } from '../../src/domain/pool.ts';
import { insertAllocation } from '../../src/store/allocation-rows.ts';
import { moveAllocation } from '../../src/store/move-allocation.ts';
import { openStore } from '../../src/store/open-store.ts';
import { newAllocationId } from '../../src/store/random-id.ts';
import { insertEndedAllocations } from '../support/insert-ended-allocations.ts';
import { repository, startWorld, type World } from '../support/start-world.ts';
import { until } from '../support/until.ts';
import { bareSubmits, holdCpu } from './bare-calls.ts';
import { cpuMs } from './cpu-ms.ts';
import { type Figure, seconds } from './figure.ts';
import { startCountingProxy } from './proxy.ts';
import { queueJobs } from './throughput.ts';

const monitored = 5_000;
const polls = 10;
const restarted = { live: 1_000, ended: 50_000 };

/** @returns what a poll of 5,000 costs. */
export async function monitoring(release: Release): Promise<Figure[]> {
  const { world, calls, stop } = await prepared(release, 'monitoring', monitored);
  try {
    const service = world.start();
    await until(async () => (await world.readiness())?.ready === true, 60_000, 250);
    const seen = (): number => calls().filter((call) => call === 'GET /jobs/state/').length;
    const before = { calls: calls().length, polls: seen(), cpu: cpuMs(service.pid) };
    const begunMs = performance.now();
    await until(() => seen() >= before.polls + polls, 60_000, 100);
    // A poll comes no sooner than a second after the one before.
    const turns = (performance.now() - begunMs) / 1_000;
    const counted = seen() - before.polls;
    const cpu = (cpuMs(service.pid) - before.cpu) / counted;
    const others = calls().length - before.calls - counted;
    return [
      {
        what: `Slurm ${release}: monitoring ${monitored} live allocations, calls a poll`,
        figure: `${((calls().length - before.calls) / turns).toFixed(2)} (${turns.toFixed(1)} polls, ${others} looks at the oldest)`,
        wanted: '1',
        // One look a minute at the oldest waiting allocation of the pool is not part of monitoring.
        met: counted <= turns + 1 && others <= 1,
      },
      {
        what: `Slurm ${release}: the same, CPU of the service a poll`,
        figure: `${cpu.toFixed(0)} ms`,
        wanted: 'under 50 ms',
        met: cpu < 50,
      },
    ];
  } finally {
    await stop();
  }
}

/** @returns how long a start takes to know where it stands. */
export async function restart(release: Release): Promise<Figure[]> {
  const { world, calls, stop } = await prepared(release, 'restart', restarted.live);
  try {
    const sqlite = new Database(world.config.databaseFile);
    insertEndedAllocations(sqlite, { count: restarted.ended, firstMs: Date.now() - 86_400_000 });
    sqlite.close();
    const begunMs = performance.now();
    world.start();
    await until(async () => (await world.readiness())?.ready === true, 60_000, 10);
    const ms = performance.now() - begunMs;
    const listings = calls().filter((call) => call === 'GET /jobs/').length;
    return [
      {
        what: `Slurm ${release}: a restart with ${restarted.live} live allocations and ${restarted.ended} ended ones, until both sides are known`,
        figure: `${seconds(ms)}, ${listings} GET /jobs/`,
        wanted: '2 s at most, without a GET /jobs/',
        met: ms <= 2_000 && listings === 0,
      },
    ];
  } finally {
    await stop();
  }
}

/** So many jobs are queued, and each has its Slurm job, which waits; the service is not running. */
async function prepared(
  release: Release,
  what: string,
  count: number,
): Promise<{ world: World; calls: () => readonly string[]; stop: () => Promise<void> }> {
  const options = {
    name: `bench-${what}-${release}`,
    cluster: { release, cpus: 1 },
    simulator: { rateLimit: 1_000_000 },
    // One look at GitHub, and then only Slurm's.
    config: { pollInterval: '1s', githubPollInterval: '10m' },
  };
  const world = await startWorld(options, (url) => startCountingProxy(url));
  try {
    queueJobs(world, count);
    const store = openStore({ path: world.config.databaseFile, allowNetworkFileSystem: true });
    const rows = Array.from({ length: count }, () => {
      const id = newAllocationId();
      return { id, name: slurmJobName(store.instanceId, id) };
    });
    await holdCpu(world.cluster);
    const names = rows.map(({ name }) => name);
    const { ids } = await bareSubmits(world.cluster, names, 8);
    const pool = poolOf(repository, 'slurm-small', ['slurm-small']);
    const atMs = Date.now();
    store.db.transaction((tx) => {
      for (const [index, { id, name }] of rows.entries()) {
        insertAllocation(tx, {
          id,
          pool,
          madeForJobId: index,
          slurmJobName: name,
          claimTokenHash: 'none',
          slurmUser: null,
          atMs,
        });
        const changes = { slurmJobId: ids[index] ?? 0, submittedAt: atMs };
        moveAllocation(tx, { id, from: 'submitting', to: 'pending', atMs, changes });
      }
    });
    store.close();
  } catch (error) {
    await world.stop();
    throw error;
  }
  const calls = (): readonly string[] => world.proxy?.calls.map(({ call }) => call) ?? [];
  return { world, calls, stop: () => world.stop() };
}
