import type { PlannedAllocation, PoolSnapshot } from './snapshot.ts';

const supplyStates: ReadonlySet<PlannedAllocation['state']> = new Set(['submitting', 'pending', 'claimed']);

/** An allocation that can still take a queued job. */
export function isSupply(allocation: PlannedAllocation): boolean {
  return supplyStates.has(allocation.state) && !allocation.stuck;
}

/** Jobs without a runner on the way; what may be one counts as one. Zero or less: none. */
export function deficit(pool: PoolSnapshot): number {
  return pool.queued.length - pool.allocations.filter(isSupply).length - pool.unconfirmed;
}

/**
 * Runners on the way without a job; zero or less: none. What may be a runner counts as none here: giving one up that is wanted
 * costs a place in Slurm's queue, waiting for certainty costs seconds.
 */
export function surplus(pool: PoolSnapshot): number {
  return pool.allocations.filter(isSupply).length - pool.queued.length;
}
