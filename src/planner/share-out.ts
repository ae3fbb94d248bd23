/**
 * Who gets what room there is under the caps. The repository with the fewest allocations goes first, so that under a cap all
 * come to the same number, or to what they need; within one, and where they have the same, the oldest job goes first.
 */
import { deficit, demand, isSupply } from './deficit.ts';
import { Rooms } from './rooms.ts';
import type { PoolSnapshot, Snapshot } from './snapshot.ts';

export interface Wish {
  readonly pool: PoolSnapshot;
  /** The job that waits for it: the oldest one that the pool's supply, counted out, leaves over. */
  readonly jobId: number;
  /** The job whose attempt it is: the oldest one without an allocation that was made on its behalf. */
  readonly madeForJobId: number;
  readonly repository: string;
  readonly createdAtMs: number;
}

/** Each wish with the cap that stands in its way, or null when it gets an allocation. */
export function shareOut({
  pools,
  limits,
}: Snapshot): { readonly wish: Wish; readonly full: string | null }[] {
  const rooms = new Rooms(pools, limits);
  const queues = byRepository(pools.flatMap(wishesOf));
  const shared: { wish: Wish; full: string | null }[] = [];
  for (;;) {
    const next = poorest(queues, rooms);
    if (next === undefined) return shared;
    const full = rooms.take(next.wish.pool);
    // A wish that stays one does not make its repository richer: its next one may be for another profile.
    shared.push({ wish: next.wish, full });
    next.queue.shift();
  }
}

interface Next {
  readonly queue: Wish[];
  readonly wish: Wish;
  readonly used: number;
}

function poorest(queues: readonly Wish[][], rooms: Rooms): Next | undefined {
  return queues
    .flatMap((queue) => {
      const [wish] = queue;
      return wish === undefined ? [] : [{ queue, wish, used: rooms.used(wish.pool.pool.scope) }];
    })
    .reduce<Next | undefined>(
      (best, next) => (best === undefined || goesBefore(next, best) ? next : best),
      undefined,
    );
}

function goesBefore(a: Next, b: Next): boolean {
  return a.used < b.used || (a.used === b.used && a.wish.createdAtMs < b.wish.createdAtMs);
}

/** One wish for each job that no supply covers; supply covers the oldest ones. */
function wishesOf(pool: PoolSnapshot): Wish[] {
  if (pool.stale || pool.blocked !== null) return [];
  const missing = Math.min(deficit(pool), pool.probes, pool.allowance);
  if (missing <= 0) return [];
  const jobs = demand(pool);
  const covered = jobs.length - Math.min(deficit(pool), jobs.length);
  const provided = new Set(pool.allocations.filter(isSupply).map(({ madeForJobId }) => madeForJobId));
  // As many as are missing at least: an allocation is made for one job.
  const without = jobs.filter(({ id }) => !provided.has(id));
  return jobs.slice(covered, covered + missing).map(({ id, repository, createdAtMs }, index) => ({
    pool,
    jobId: id,
    madeForJobId: without[index]?.id ?? id,
    repository,
    createdAtMs,
  }));
}

function byRepository(wishes: readonly Wish[]): Wish[][] {
  const groups = Map.groupBy(
    wishes.toSorted((a, b) => a.createdAtMs - b.createdAtMs),
    (wish) => wish.repository,
  );
  return [...groups.values()];
}
