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

interface QueuedJob {
  readonly id: number;
  readonly pool: string;
  readonly firstSeenAt: number;
  /** Null while it is queued. */
  readonly untilMs: number | null;
}

/** Allocations of its pool that were made while it was queued, and came to nothing. */
const triedFor = (job: QueuedJob) =>
  and(
    eq(allocations.pool, job.pool),
    gte(allocations.createdAt, job.firstSeenAt),
    job.untilMs === null ? undefined : lte(allocations.createdAt, job.untilMs),
    eq(allocations.state, 'ended'),
    ne(allocations.outcome, 'completed'),
  );

/** Those that were made on its behalf, all of them: `limits.maxAttempts` and its rests keep them few. */
export function ownTries(db: Connection, job: QueuedJob): Allocation[] {
  return db
    .select()
    .from(allocations)
    .where(and(triedFor(job), eq(allocations.madeForJobId, job.id)))
    .all();
}

/** Those that were made for other jobs, any of which it could have got: the newest `limit` of them, and how many there are besides. */
export function otherTries(
  db: Connection,
  job: QueuedJob,
  limit: number,
): { readonly newest: Allocation[]; readonly earlier: number } {
  const others = and(triedFor(job), sql`${allocations.madeForJobId} is not ${job.id}`);
  const newest = db
    .select()
    .from(allocations)
    .where(others)
    .orderBy(desc(allocations.createdAt))
    .limit(limit)
    .all();
  const counted = db.select({ all: sql<number>`count(*)` }).from(allocations).where(others).get();
  return { newest, earlier: (counted?.all ?? 0) - newest.length };
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
