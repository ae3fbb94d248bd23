/** Submits for what demand lacks, within the caps: repositories take turns, within one the oldest job goes first. */
import { deficit } from './deficit.ts';
import type { Action, PoolSnapshot, Snapshot } from './snapshot.ts';

interface Wish {
  readonly pool: PoolSnapshot;
  readonly repository: string;
  readonly createdAtMs: number;
}

export function planSubmits({ pools, limits }: Snapshot): Action[] {
  const room = new Rooms(pools, limits);
  const queues = byRepository(pools.flatMap(wishesOf));
  const actions: Action[] = [];
  while (queues.length > 0) {
    for (const queue of [...queues]) {
      const wish = queue.shift();
      if (wish === undefined) queues.splice(queues.indexOf(queue), 1);
      else if (room.take(wish.pool)) actions.push({ kind: 'submit', pool: wish.pool.pool });
    }
  }
  return actions;
}

/** One wish for each job that no supply covers; supply covers the oldest ones. */
function wishesOf(pool: PoolSnapshot): Wish[] {
  if (pool.stale || pool.blocked !== null) return [];
  const missing = Math.min(deficit(pool), pool.probes);
  if (missing <= 0) return [];
  const covered = pool.queued.length - Math.min(deficit(pool), pool.queued.length);
  return pool.queued
    .slice(covered, covered + missing)
    .map(({ repository, createdAtMs }) => ({ pool, repository, createdAtMs }));
}

function byRepository(wishes: readonly Wish[]): Wish[][] {
  const groups = Map.groupBy(
    wishes.toSorted((a, b) => a.createdAtMs - b.createdAtMs),
    (wish) => wish.repository,
  );
  return [...groups.values()];
}

/** The caps, counted over everything that has not ended. */
class Rooms {
  readonly #limits: Snapshot['limits'];
  readonly #scopes = new Map<string, number>();
  readonly #profiles = new Map<string, number>();
  #total = 0;

  constructor(pools: readonly PoolSnapshot[], limits: Snapshot['limits']) {
    this.#limits = limits;
    for (const { pool, allocations } of pools) this.#add(pool, allocations.length);
  }

  take({ pool, maxAllocations }: PoolSnapshot): boolean {
    const full =
      this.#total >= this.#limits.maxAllocations ||
      (this.#scopes.get(pool.scope) ?? 0) >= this.#limits.maxPerRepository ||
      (this.#profiles.get(pool.profile) ?? 0) >= maxAllocations;
    if (!full) this.#add(pool, 1);
    return !full;
  }

  #add({ scope, profile }: PoolSnapshot['pool'], count: number): void {
    this.#total += count;
    this.#scopes.set(scope, (this.#scopes.get(scope) ?? 0) + count);
    this.#profiles.set(profile, (this.#profiles.get(profile) ?? 0) + count);
  }
}
