/** Who gets what room there is under the caps: repositories take turns, within one the oldest job goes first. */
import { deficit } from './deficit.ts';
import { Rooms } from './rooms.ts';
import type { PoolSnapshot, Snapshot } from './snapshot.ts';

export interface Wish {
  readonly pool: PoolSnapshot;
  readonly jobId: number;
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
  while (queues.length > 0) {
    for (const queue of [...queues]) {
      const wish = queue.shift();
      if (wish === undefined) queues.splice(queues.indexOf(queue), 1);
      else shared.push({ wish, full: rooms.take(wish.pool) });
    }
  }
  return shared;
}

/** One wish for each job that no supply covers; supply covers the oldest ones. */
function wishesOf(pool: PoolSnapshot): Wish[] {
  if (pool.stale || pool.blocked !== null) return [];
  const missing = Math.min(deficit(pool), pool.probes, pool.allowance);
  if (missing <= 0) return [];
  const covered = pool.queued.length - Math.min(deficit(pool), pool.queued.length);
  return pool.queued
    .slice(covered, covered + missing)
    .map(({ id, repository, createdAtMs }) => ({ pool, jobId: id, repository, createdAtMs }));
}

function byRepository(wishes: readonly Wish[]): Wish[][] {
  const groups = Map.groupBy(
    wishes.toSorted((a, b) => a.createdAtMs - b.createdAtMs),
    (wish) => wish.repository,
  );
  return [...groups.values()];
}
