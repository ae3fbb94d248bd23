import type { PlannedAllocation, PoolSnapshot, QueuedJob } from './snapshot.ts';

const supplyStates: ReadonlySet<PlannedAllocation['state']> = new Set(['submitting', 'pending', 'claimed']);

/** An allocation that can still take a queued job. */
export function isSupply(allocation: Pick<PlannedAllocation, 'state' | 'stuck'>): boolean {
  return supplyStates.has(allocation.state) && !allocation.stuck;
}

/** Jobs that allocations are made for, oldest first. */
export function demand(pool: PoolSnapshot): QueuedJob[] {
  return pool.queued.filter(({ rest }) => rest === null);
}

/** In the order in which the pool's supply is counted for them: one that rests gets what the others leave over. */
export function inTurn(pool: PoolSnapshot): QueuedJob[] {
  return [...demand(pool), ...pool.queued.filter(({ rest }) => rest !== null)];
}

/** Jobs without a runner on the way; what may be one counts as one. Zero or less: none. */
export function deficit(pool: PoolSnapshot): number {
  return demand(pool).length - pool.allocations.filter(isSupply).length - pool.unconfirmed;
}

/**
 * Runners on the way without a job; zero or less: none. What may be a runner counts as none here: giving one up that is wanted
 * costs a place in Slurm's queue, waiting for certainty costs seconds. A resting job may get a runner that is there.
 */
export function surplus(pool: PoolSnapshot): number {
  return pool.allocations.filter(isSupply).length - pool.queued.length;
}
