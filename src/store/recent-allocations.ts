/** What was made a moment ago, ended or not: what a start has to know of the submits of the process before it. */
import type { Connection } from './connection.ts';
import { and, eq, gt, ne } from './drizzle.ts';
import type { Allocation } from './move-allocation.ts';
import { given, prepared } from './prepared.ts';
import { allocations } from './schema.ts';

export type RecentAllocation = Pick<Allocation, 'pool' | 'madeForJobId' | 'createdAt'>;

const madeSince = prepared((db) => {
  const { pool, madeForJobId, createdAt, state, endedAt } = allocations;
  const columns = { pool, madeForJobId, createdAt };
  const isRecent = gt(createdAt, given('sinceMs'));
  const live = db
    .select(columns)
    .from(allocations)
    .where(and(ne(state, 'ended'), isRecent));
  // None ends before it is made: so the index by the time of the end has them all, and little else.
  const ended = db
    .select(columns)
    .from(allocations)
    .where(and(eq(state, 'ended'), gt(endedAt, given('sinceMs')), isRecent));
  return live.unionAll(ended).prepare();
});

/** @param sinceMs milliseconds since the Unix epoch, itself not included. */
export function recentAllocations(db: Connection, sinceMs: number): RecentAllocation[] {
  return madeSince(db).all({ sinceMs });
}
