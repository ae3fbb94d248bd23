/**
 * What was tried for a queued job and started nothing. Counted from the allocations themselves, so that a late proof of a start takes
 * its failure away, a restart keeps the count, and there is no number that could go wrong.
 */
import type { FailedAttempts } from '../domain/attempts.ts';
import type { Connection } from './connection.ts';
import { and, eq, isNull, sql } from './drizzle.ts';
import { prepared } from './prepared.ts';
import { allocations, isFailure, workflowJobs } from './schema.ts';
import { whileUnchanged } from './while-unchanged.ts';

export interface FailedAttemptsOfJob extends FailedAttempts {
  readonly jobId: number;
  readonly lastId: string;
}

const failures = prepared((db) =>
  db
    .select({
      jobId: workflowJobs.id,
      count: sql<number>`count(*)`,
      // SQLite takes the other columns from the row that has the greatest.
      lastEndedMs: sql<number>`max(${allocations.endedAt})`,
      lastId: allocations.id,
    })
    .from(workflowJobs)
    .crossJoin(allocations)
    .where(
      and(
        eq(workflowJobs.status, 'queued'),
        eq(allocations.madeForJobId, workflowJobs.id),
        isFailure,
        // It may have started a job that no listing shows yet.
        isNull(allocations.unconfirmedSince),
      ),
    )
    // The plus keeps SQLite from walking all jobs in the order of their ids, where an index has the queued ones.
    .groupBy(sql`+${workflowJobs.id}`)
    .prepare(),
);

/** Of each queued job that has any, by job. */
export const failedAttempts: (db: Connection) => ReadonlyMap<number, FailedAttemptsOfJob> = whileUnchanged(
  (db) =>
    new Map(
      failures(db)
        .all()
        .map((row) => [row.jobId, row]),
    ),
);
