/** Runs and jobs as GitHub shows them. A completed job stays completed, whatever an older listing says. */

import type { LabelVerdict } from '../domain/labels.ts';
import type { WorkflowJob } from '../domain/workflow-job.ts';
import type { Connection } from './connection.ts';
import { and, asc, desc, eq, gt, inArray, isNull, ne, sql } from './drizzle.ts';
import { given, givenEach, prepared } from './prepared.ts';
import { workflowJobs, workflowRuns } from './schema.ts';
import { whileUnchanged } from './while-unchanged.ts';

export type WorkflowJobRow = typeof workflowJobs.$inferSelect;

/** What the INSERT would have written, in words of SQLite's: so that one prepared statement does for every row. */
const excluded = (column: string) => sql.raw(`excluded.${column}`);

const upsertRun = prepared((db) =>
  db
    .insert(workflowRuns)
    .values({
      id: given('id'),
      repository: given('repository'),
      firstSeenAt: given('nowMs'),
      completedAt: given('completedAt'),
    })
    // A re-run makes a completed run live again.
    .onConflictDoUpdate({
      target: workflowRuns.id,
      set: { completedAt: excluded(workflowRuns.completedAt.name) },
    })
    .prepare(),
);

export function recordRun(
  db: Connection,
  run: { id: number; repository: string; completed: boolean },
  nowMs: number,
): void {
  const { id, repository, completed } = run;
  upsertRun(db).run({ id, repository, nowMs, completedAt: completed ? nowMs : null });
}

const liveRuns = prepared((db) =>
  db
    .select({ id: workflowRuns.id })
    .from(workflowRuns)
    .where(and(eq(workflowRuns.repository, given('repository')), isNull(workflowRuns.completedAt)))
    .prepare(),
);

/** Runs that were not completed when last seen. */
export function liveRunIds(db: Connection, repository: string): number[] {
  return liveRuns(db)
    .all({ repository })
    .map((row) => row.id);
}

const inQueueSince = sql<number>`coalesce(${workflowJobs.queuedAt}, ${workflowJobs.createdAt})`;

/** What changes from one look at a job to the next. */
const seenColumns = [
  'runAttempt',
  'status',
  'conclusion',
  'runnerName',
  'startedAt',
  'completedAt',
  'misses',
  'verdict',
  'profile',
  'pool',
  'reason',
] as const satisfies readonly (keyof WorkflowJobRow)[];
const fixedColumns = [
  'id',
  'runId',
  'repository',
  'name',
  'workflowName',
  'labels',
  'createdAt',
  'firstSeenAt',
] as const satisfies readonly (keyof WorkflowJobRow)[];

const upsertJob = prepared((db) => {
  const { status, queuedAt, firstSeenAt } = workflowJobs;
  const is = excluded(status.name);
  const set = Object.fromEntries(seenColumns.map((column) => [column, excluded(workflowJobs[column].name)]));
  return db
    .insert(workflowJobs)
    .values(givenEach([...fixedColumns, ...seenColumns]))
    .onConflictDoUpdate({
      target: workflowJobs.id,
      set: {
        ...set,
        // An approval may take days, and a job's time in the queue begins with it. First seen by this look: now.
        queuedAt: sql`case when ${status} <> 'queued' and ${is} = 'queued' then ${excluded(firstSeenAt.name)} else ${queuedAt} end`,
      },
      setWhere: sql`${status} <> 'completed' or ${is} = 'completed'`,
    })
    .prepare();
});

/** `verdict` is `ours` or `rejected`; others are not recorded. `pool` goes with `ours`. */
export function recordJob(
  db: Connection,
  job: WorkflowJob,
  verdict: Exclude<LabelVerdict, { kind: 'foreign' }>,
  pool: string | null,
  nowMs: number,
): void {
  const judged =
    verdict.kind === 'ours'
      ? { verdict: 'ours' as const, profile: verdict.profile, pool, reason: null }
      : { verdict: 'rejected' as const, profile: null, pool: null, reason: verdict.reason };
  const row: Pick<WorkflowJobRow, (typeof fixedColumns)[number] | (typeof seenColumns)[number]> = {
    id: job.id,
    runId: job.runId,
    repository: job.repository,
    name: job.name,
    workflowName: job.workflowName,
    labels: job.labels,
    createdAt: job.createdAtMs,
    firstSeenAt: nowMs,
    runAttempt: job.runAttempt,
    status: job.status,
    conclusion: job.conclusion,
    runnerName: job.runnerName,
    startedAt: job.startedAtMs,
    // What is completed has a time, so that it can be deleted by its age.
    completedAt: job.completedAtMs ?? (job.status === 'completed' ? nowMs : null),
    misses: 0,
    ...judged,
  };
  upsertJob(db).run(row);
}

/** A job that GitHub answers 404 for: the second time in a row is evidence that it is gone. */
export function recordMiss(db: Connection, id: number, nowMs: number): void {
  db.update(workflowJobs)
    .set({ misses: sql`${workflowJobs.misses} + 1` })
    .where(and(eq(workflowJobs.id, id), ne(workflowJobs.status, 'completed')))
    .run();
  db.update(workflowJobs)
    .set({ status: 'completed', completedAt: nowMs, reason: 'GitHub no longer knows this job.' })
    .where(and(eq(workflowJobs.id, id), ne(workflowJobs.status, 'completed'), gt(workflowJobs.misses, 1)))
    .run();
}

const open = prepared((db) =>
  db
    .select({ id: workflowJobs.id, runId: workflowJobs.runId })
    .from(workflowJobs)
    .where(and(eq(workflowJobs.repository, given('repository')), ne(workflowJobs.status, 'completed')))
    .prepare(),
);

/** Jobs not over when last seen: each is asked for by id when its run's listing lacks it. */
export function openJobs(db: Connection, repository: string): { id: number; runId: number }[] {
  return open(db).all({ repository });
}

const notOver = prepared((db) =>
  db
    .select()
    .from(workflowJobs)
    .where(ne(workflowJobs.status, 'completed'))
    .orderBy(asc(workflowJobs.createdAt), asc(workflowJobs.id))
    .prepare(),
);

/** All jobs that are not over, oldest first. */
export function openJobRows(db: Connection): WorkflowJobRow[] {
  return notOver(db).all();
}

const over = prepared((db) =>
  db
    .select()
    .from(workflowJobs)
    .where(eq(workflowJobs.status, 'completed'))
    .orderBy(desc(workflowJobs.id))
    .limit(given('limit'))
    .prepare(),
);

/** The newest jobs that are over. */
export function recentJobRows(db: Connection, limit: number): WorkflowJobRow[] {
  return over(db).all({ limit });
}

const queued = prepared((db) =>
  db
    .select({
      id: workflowJobs.id,
      pool: sql<string>`${workflowJobs.pool}`,
      repository: workflowJobs.repository,
      createdAt: workflowJobs.createdAt,
      queuedAt: sql<number>`${inQueueSince}`,
    })
    .from(workflowJobs)
    .where(and(eq(workflowJobs.status, 'queued'), eq(workflowJobs.verdict, 'ours')))
    .orderBy(asc(workflowJobs.createdAt), asc(workflowJobs.id))
    .prepare(),
);
const allQueued = whileUnchanged((db) => queued(db).all());

export type QueuedJobRow = Pick<WorkflowJobRow, 'id' | 'repository' | 'createdAt'> & {
  readonly pool: string;
};

/** Jobs of ours that want a runner, oldest first. Jobs queued before `sinceMs` have been given up by GitHub. */
export function queuedJobs(db: Connection, sinceMs: number): QueuedJobRow[] {
  return allQueued(db).filter(({ queuedAt }) => queuedAt > sinceMs);
}

const running = prepared((db) =>
  db
    .select({ pool: sql<string>`${workflowJobs.pool}`, count: sql<number>`count(*)` })
    .from(workflowJobs)
    .where(
      and(
        // In the words of the partial index on jobs that are not over, so that SQLite uses it.
        sql`${workflowJobs.status} <> 'completed'`,
        eq(workflowJobs.status, 'in_progress'),
        eq(workflowJobs.verdict, 'ours'),
      ),
    )
    .groupBy(workflowJobs.pool)
    .prepare(),
);

/** Jobs of ours in progress, by pool. */
export function countRunning(db: Connection): Map<string, number> {
  return new Map(
    running(db)
      .all()
      .map((row) => [row.pool, row.count]),
  );
}

const queuedIn = prepared((db) =>
  db
    .select({ count: sql<number>`count(*)` })
    .from(workflowJobs)
    .where(
      and(
        eq(workflowJobs.status, 'queued'),
        eq(workflowJobs.pool, given('pool')),
        gt(inQueueSince, given('sinceMs')),
      ),
    )
    .prepare(),
);

/** Demand of one pool, for a claim. */
export function countQueued(db: Connection, pool: string, sinceMs: number): number {
  return queuedIn(db).get({ pool, sinceMs })?.count ?? 0;
}

export function jobsByIds(db: Connection, ids: readonly number[]): WorkflowJobRow[] {
  return ids.length === 0
    ? []
    : db
        .select()
        .from(workflowJobs)
        .where(inArray(workflowJobs.id, [...ids]))
        .all();
}
