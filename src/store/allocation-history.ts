/** What was done for a workflow job: asked for by people, one job at a time, so without indexes of its own. */
import type { Connection } from './connection.ts';
import { and, asc, desc, eq, getTableColumns, gte, inArray, isNull, lte, ne, or, sql } from './drizzle.ts';
import type { Allocation } from './move-allocation.ts';
import { allocationEvents, allocations, workflowJobs } from './schema.ts';

export type AllocationEvent = typeof allocationEvents.$inferSelect;

/** The allocation whose runner is proven to have taken the job. */
export function findAllocationOfJob(db: Connection, jobId: number): Allocation | undefined {
  return db.select().from(allocations).where(eq(allocations.workflowJobId, jobId)).get();
}

const cameToNothing = and(eq(allocations.state, 'ended'), ne(allocations.outcome, 'completed'));

/** Those that were made on its behalf, all of them: `limits.maxAttempts` and its rests keep them few. */
export function ownTries(db: Connection, jobId: number): Allocation[] {
  return db
    .select()
    .from(allocations)
    .where(and(cameToNothing, eq(allocations.madeForJobId, jobId)))
    .all();
}

/** Times are GitHub's, in milliseconds since the Unix epoch. */
interface QueuedJob {
  readonly id: number;
  readonly pool: string;
  readonly createdAt: number;
  /** Null while it is queued. */
  readonly untilMs: number | null;
}

/**
 * GitHub's clock says which jobs were queued at the same time. When an allocation was made is known by another clock, so that is not
 * compared: some that are told were made before this job came, or after it was served, but none is left out when somebody sets a clock.
 */
const wasQueuedBeside = (job: QueuedJob) => {
  const { id, createdAt, runnerName, startedAt, completedAt, conclusion } = workflowJobs;
  // GitHub gives a queued job a time of start, too; and where it does not say how a job ended, the time is ours.
  const untilMs = sql`case when ${runnerName} is not null then ${startedAt} when ${conclusion} is not null then ${completedAt} end`;
  return or(
    // An earlier release has not written down for which job it was made.
    isNull(id),
    and(
      job.untilMs === null ? undefined : lte(createdAt, job.untilMs),
      or(isNull(untilMs), gte(untilMs, job.createdAt)),
    ),
  );
};

/** Those that were made for other jobs beside it, any of which it could have got: the newest `limit` of them, and how many there are besides. */
export function otherTries(
  db: Connection,
  job: QueuedJob,
  limit: number,
): { readonly newest: Allocation[]; readonly earlier: number } {
  const isOfItsJob = eq(workflowJobs.id, allocations.madeForJobId);
  const others = and(
    cameToNothing,
    eq(allocations.pool, job.pool),
    sql`${allocations.madeForJobId} is not ${job.id}`,
    wasQueuedBeside(job),
  );
  const newest = db
    .select(getTableColumns(allocations))
    .from(allocations)
    .leftJoin(workflowJobs, isOfItsJob)
    .where(others)
    .orderBy(desc(allocations.createdAt))
    .limit(limit)
    .all();
  const counted = db
    .select({ all: sql<number>`count(*)` })
    .from(allocations)
    .leftJoin(workflowJobs, isOfItsJob)
    .where(others)
    .get();
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
