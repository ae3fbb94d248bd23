import type { Connection } from '../store/connection.ts';
import { countClaimed } from '../store/live-allocations.ts';
import type { Allocation } from '../store/move-allocation.ts';
import { countQueued } from '../store/workflow-job-rows.ts';
import type { Context } from './context.ts';
import { queueHorizonMs } from './queue-horizon.ts';

/** Queued jobs of the row's pool that no other claim stands for. */
export function freeJobs({ clock }: Context, db: Connection, { id, pool }: Allocation): number {
  return countQueued(db, pool, queueHorizonMs(clock)) - countClaimed(db, pool, id);
}
