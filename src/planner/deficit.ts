import type { PlannedAllocation, PoolSnapshot } from './snapshot.ts';

const supplyStates: ReadonlySet<PlannedAllocation['state']> = new Set(['submitting', 'pending', 'claimed']);

/** An allocation that can still take a queued job. */
export function isSupply(allocation: PlannedAllocation): boolean {
  return supplyStates.has(allocation.state) && !allocation.stuck;
}

/** Positive: jobs without a runner on the way. Negative: runners on the way without a job. */
export function deficit(pool: PoolSnapshot): number {
  return pool.queued.length - pool.allocations.filter(isSupply).length - pool.unconfirmed;
}
