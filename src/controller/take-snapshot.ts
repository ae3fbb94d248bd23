/** Puts the store and the last observations together for the planner. */
import { type Pool, type PoolKey, poolOfKey } from '../domain/pool.ts';
import type { SteadyClock } from '../domain/steady-clock.ts';
import { surplus } from '../planner/deficit.ts';
import type { PlannedAllocation, PoolSnapshot, QueuedJob, Snapshot } from '../planner/snapshot.ts';
import { endedSupply } from '../store/allocation-rows.ts';
import { liveAllocationsInBrief } from '../store/live-allocations.ts';
import { allPoolHealth, type PoolHealthRow } from '../store/pool-health-rows.ts';
import { queuedJobs } from '../store/workflow-job-rows.ts';
import type { Context } from './context.ts';
import { isBlocked, oneAtATimeSince } from './pool-health.ts';
import { queueHorizonMs } from './queue-horizon.ts';
import { restingJobs } from './resting-jobs.ts';

interface Draft {
  readonly pool: Pool;
  readonly queued: QueuedJob[];
  readonly allocations: PlannedAllocation[];
  unconfirmed: number;
  inDoubt: number;
}

export function takeSnapshot(context: Context, isInFlight: (allocationId: string) => boolean): Snapshot {
  const { store, config, clock, seen } = context;
  const drafts = new Map<string, Draft>();
  const draftOf = (key: PoolKey): Draft => {
    const known = drafts.get(key);
    if (known !== undefined) return known;
    const draft = { pool: poolOfKey(key), queued: [], allocations: [], unconfirmed: 0, inDoubt: 0 };
    drafts.set(key, draft);
    return draft;
  };

  const live = liveAllocationsInBrief(store.db);
  const unproven = endedSupply(store.db);
  const rests = restingJobs(context, live, unproven);
  const watched = new Set(config.repositories);
  seen.planned.begin(live);
  for (const row of queuedJobs(store.db, queueHorizonMs(clock)))
    if (watched.has(row.repository))
      draftOf(row.pool).queued.push(seen.planned.job(row, rests.get(row.id) ?? null));
  for (const row of live) {
    if (row.state === 'ended') continue;
    const draft = draftOf(row.pool);
    draft.allocations.push(
      seen.planned.allocation(row, row.state, seen.phases.get(row.id), isInFlight(row.id)),
    );
    if (row.state === 'busy' && row.unconfirmedSince !== null) draft.unconfirmed += 1;
  }
  for (const row of unproven) {
    // One without a job or an allocation takes room all the same.
    const draft = row.submitInDoubt === 1 ? draftOf(row.pool) : drafts.get(row.pool);
    if (draft === undefined) continue;
    draft.unconfirmed += 1;
    draft.inDoubt += row.submitInDoubt;
  }
  seen.keepOnly(live);

  const health = new Map(allPoolHealth(store.db).map((row) => [row.pool, row]));
  const pools = [...drafts.values()].map((draft) =>
    complete(context, draft, health.get(draft.pool.key), watched),
  );
  return { pools, limits: config.limits };
}

function complete(
  { config, clock, seen }: Context,
  draft: Draft,
  health: PoolHealthRow | undefined,
  watched: ReadonlySet<string>,
): PoolSnapshot {
  const { pool } = draft;
  const profile = config.profiles.get(pool.profile);
  const failing = isBlocked(health);
  const waiting = failing && clock.steadyMs() < health.retryAt;
  const blocked = waiting
    ? `${health.reason} (tried again at ${new Date(clock.onCalendar(health.retryAt)).toISOString()})`
    : seen.slurm.failure !== null
      ? `Slurm: ${seen.slurm.failure.message}`
      : !seen.slurm.observed
        ? 'Slurm has not answered yet.'
        : profile === undefined
          ? `The profile ${pool.profile} is not configured any more.`
          : null;
  const snapshot: PoolSnapshot = {
    ...draft,
    stale: watched.has(pool.scope) && seen.isStale(pool.scope),
    blocked,
    probes: probesOf(draft, health, clock),
    allowance: seen.fuse.room(pool.key, draft.queued, clock.monotonicMs()),
    maxAllocations: profile?.maxAllocations ?? Number.POSITIVE_INFINITY,
    surplusSinceMs: null,
  };
  return { ...snapshot, surplusSinceMs: surplusSince(seen.surplusSinceMs, snapshot, clock.monotonicMs()) };
}

/** Jobs are oldest first. What was made before the last failure of a pool that is not blocked yet is no probe: it may start late. */
function probesOf(
  { queued, allocations }: Draft,
  health: PoolHealthRow | undefined,
  clock: SteadyClock,
): number {
  const sinceMs = isBlocked(health) ? 0 : oneAtATimeSince(health, queued[0]?.createdAtMs ?? Infinity, clock);
  if (sinceMs === null) return Number.POSITIVE_INFINITY;
  const probes = allocations.filter(
    ({ state, createdAtMs }) => state !== 'busy' && state !== 'releasing' && createdAtMs >= sinceMs,
  );
  return Math.max(0, 1 - probes.length);
}

function surplusSince(since: Map<string, number>, pool: PoolSnapshot, nowMs: number): number | null {
  if (surplus(pool) <= 0) {
    since.delete(pool.pool.key);
    return null;
  }
  const known = since.get(pool.pool.key) ?? nowMs;
  since.set(pool.pool.key, known);
  return known;
}
