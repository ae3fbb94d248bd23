import { isSupply, surplus } from './deficit.ts';
import type { Action, PlannedAllocation, PoolSnapshot } from './snapshot.ts';

/** What waits in Slurm goes first, newest first: it has cost least. A claimed runner may be about to get a job. */
const order: Readonly<Record<string, number>> = { submitting: 0, pending: 1, claimed: 2 };

export function planReleases(pool: PoolSnapshot): Action[] {
  const spare = Math.max(0, surplus(pool));
  return pool.allocations
    .filter((allocation) => isSupply(allocation) && !allocation.inFlight)
    .toSorted(
      (a, b) =>
        (order[a.state] ?? 0) - (order[b.state] ?? 0) ||
        b.createdAtMs - a.createdAtMs ||
        (a.id < b.id ? 1 : -1),
    )
    .slice(0, spare)
    .flatMap((allocation) => release(pool, allocation));
}

function release(pool: PoolSnapshot, { id, state }: PlannedAllocation): Action[] {
  if (state === 'busy' || state === 'releasing') return [];
  return [{ kind: 'release', allocationId: id, from: state, poolKey: pool.pool.key }];
}
