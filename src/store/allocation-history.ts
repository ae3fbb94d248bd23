/** What was done for a workflow job: asked for by people, one job at a time, so without indexes of its own. */
import type { Connection } from './connection.ts';
import { and, asc, desc, eq, gte, inArray, lte, ne, sql } from './drizzle.ts';
import type { Allocation } from './move-allocation.ts';
import { allocationEvents, allocations } from './schema.ts';

export type AllocationEvent = typeof allocationEvents.$inferSelect;

/** The allocation whose runner is proven to have taken the job. */
export function findAllocationOfJob(db: Connection, jobId: number): Allocation | undefined {
  return db.select().from(allocations).where(eq(allocations.workflowJobId, jobId)).get();
}

/** Allocations of its pool that were made while it was queued and came to nothing: `limit` of them, those made for it and the newest first. */
export function triesWhileQueued(
  db: Connection,
  /** `untilMs`: null while it is queued. */
  job: {
    readonly id: number;
    readonly pool: string;
    readonly firstSeenAt: number;
    readonly untilMs: number | null;
  },
  limit: number,
): Allocation[] {
  return db
    .select()
    .from(allocations)
    .where(
      and(
        eq(allocations.pool, job.pool),
        gte(allocations.createdAt, job.firstSeenAt),
        job.untilMs === null ? undefined : lte(allocations.createdAt, job.untilMs),
        eq(allocations.state, 'ended'),
        ne(allocations.outcome, 'completed'),
      ),
    )
    .orderBy(desc(sql`${allocations.madeForJobId} is ${job.id}`), desc(allocations.createdAt))
    .limit(limit)
    .all();
}

/** Every move of these allocations, oldest first. */
export function eventsOf(db: Connection, allocationIds: readonly string[]): AllocationEvent[] {
  if (allocationIds.length === 0) return [];
  return db
    .select()
    .from(allocationEvents)
    .where(inArray(allocationEvents.allocationId, [...allocationIds]))
    .orderBy(asc(allocationEvents.id))
    .all();
}
