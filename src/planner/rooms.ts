import type { PlannedAllocation, PoolSnapshot, Snapshot } from './snapshot.ts';

/** The caps, counted over everything that has not ended, and over what Slurm may have although its submit is lost. */
export class Rooms {
  readonly #limits: Snapshot['limits'];
  readonly #scopes = new Map<string, number>();
  readonly #profiles = new Map<string, number>();
  #total = 0;
  /** Submitted, and not started by Slurm. */
  #pending = 0;

  constructor(pools: readonly PoolSnapshot[], limits: Snapshot['limits']) {
    this.#limits = limits;
    for (const { pool, allocations, inDoubt } of pools) {
      this.#add(pool, allocations.length + inDoubt);
      this.#pending += allocations.filter(waitsInSlurm).length + inDoubt;
    }
  }

  /** Allocations of the scope, with those that were given room here. */
  used(scope: string): number {
    return this.#scopes.get(scope) ?? 0;
  }

  /** Takes room for one allocation more; else a sentence about the cap that is reached. */
  take({ pool, maxAllocations }: PoolSnapshot): string | null {
    const limits = this.#limits;
    if (this.#total >= limits.maxAllocations)
      return `limits.maxAllocations is reached: ${limits.maxAllocations} allocations at once.`;
    if ((this.#scopes.get(pool.scope) ?? 0) >= limits.maxPerRepository)
      return `limits.maxPerRepository is reached: ${limits.maxPerRepository} allocations at once for ${pool.scope}.`;
    if ((this.#profiles.get(pool.profile) ?? 0) >= maxAllocations)
      return `maxAllocations of the profile ${pool.profile} is reached: ${maxAllocations} at once.`;
    if (this.#pending >= limits.maxPending)
      return `limits.maxPending is reached: ${limits.maxPending} Slurm jobs wait for their start.`;
    this.#add(pool, 1);
    this.#pending += 1;
    return null;
  }

  #add({ scope, profile }: PoolSnapshot['pool'], count: number): void {
    this.#total += count;
    this.#scopes.set(scope, (this.#scopes.get(scope) ?? 0) + count);
    this.#profiles.set(profile, (this.#profiles.get(profile) ?? 0) + count);
  }
}

function waitsInSlurm({ state, started }: PlannedAllocation): boolean {
  return (state === 'submitting' || state === 'pending') && !started;
}
