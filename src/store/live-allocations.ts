/** Allocations that have not ended, as rows: what every turn of the loop reads. */
import type { LiveState } from '../domain/allocation-state.ts';
import type { Connection } from './connection.ts';
import { and, asc, eq, getTableColumns, isNull, lt, ne, or, sql } from './drizzle.ts';
import type { Allocation } from './move-allocation.ts';
import { given, prepared } from './prepared.ts';
import { allocations, workflowJobs } from './schema.ts';
import { whileUnchanged } from './while-unchanged.ts';

/**
 * The term of the partial index on live rows, in its own words: SQLite uses the index for a query that repeats them, and
 * does not see that `state = 'pending'` says as much.
 */
const isLive = sql`${allocations.state} <> 'ended'`;
const live = prepared((db) =>
  db
    .select()
    .from(allocations)
    .where(ne(allocations.state, 'ended'))
    .orderBy(asc(allocations.createdAt), asc(allocations.id))
    .prepare(),
);

/** Everything that has not ended, oldest first. */
export function liveAllocations(db: Connection): Allocation[] {
  return live(db).all();
}

/** The same, as far as planning and watching Slurm need it: read at every poll, so without the columns that cost. */
export type LiveAllocation = Pick<
  Allocation,
  'id' | 'pool' | 'state' | 'slurmJobId' | 'slurmJobName' | 'createdAt' | 'unconfirmedSince' | 'madeForJobId'
>;

const liveInBrief = prepared((db) =>
  db
    .select({
      id: allocations.id,
      pool: allocations.pool,
      state: allocations.state,
      slurmJobId: allocations.slurmJobId,
      slurmJobName: allocations.slurmJobName,
      createdAt: allocations.createdAt,
      unconfirmedSince: allocations.unconfirmedSince,
      madeForJobId: allocations.madeForJobId,
    })
    .from(allocations)
    .where(ne(allocations.state, 'ended'))
    .orderBy(asc(allocations.createdAt), asc(allocations.id))
    .prepare(),
);

export const liveAllocationsInBrief: (db: Connection) => readonly LiveAllocation[] = whileUnchanged((db) =>
  liveInBrief(db).all(),
);

const inState = prepared((db) =>
  db
    .select()
    .from(allocations)
    .where(and(eq(allocations.state, given('state')), ne(allocations.state, 'ended')))
    .orderBy(asc(allocations.createdAt), asc(allocations.id))
    .prepare(),
);

/** Rows in this state, oldest first. */
export function allocationsIn(db: Connection, state: LiveState): Allocation[] {
  return inState(db).all({ state });
}

const quiet = prepared((db) => {
  const { state, firstClaimedAt, startedAt, createdAt, workflowJobId } = allocations;
  const claimed = and(
    eq(state, 'claimed'),
    lt(sql`ifnull(${firstClaimedAt}, ${createdAt})`, given('beforeMs')),
  );
  const busy = and(
    eq(state, 'busy'),
    isNull(workflowJobId),
    lt(sql`ifnull(${startedAt}, ${createdAt})`, given('beforeMs')),
  );
  return db
    .select()
    .from(allocations)
    .where(and(isLive, or(claimed, busy)))
    .orderBy(asc(createdAt), asc(allocations.id))
    .prepare();
});

/** Claimed, or started without a job that anybody has seen, before this time (milliseconds since the Unix epoch); oldest first. */
export function quietAllocations(db: Connection, beforeMs: number): Allocation[] {
  return quiet(db).all({ beforeMs });
}

const withJobOver = prepared((db) =>
  db
    .select(getTableColumns(allocations))
    .from(allocations)
    .innerJoin(workflowJobs, eq(workflowJobs.id, allocations.workflowJobId))
    .where(and(isLive, eq(allocations.state, 'busy'), eq(workflowJobs.status, 'completed')))
    .orderBy(asc(allocations.createdAt), asc(allocations.id))
    .prepare(),
);

/** Busy ones whose workflow job is over, oldest first. */
export function busyWithJobOver(db: Connection): Allocation[] {
  return withJobOver(db).all();
}

const liveBySlurmJob = prepared((db) =>
  db
    .select()
    .from(allocations)
    .where(and(eq(allocations.slurmJobId, given('slurmJobId')), ne(allocations.state, 'ended')))
    .prepare(),
);

export function liveAllocationBySlurmJob(db: Connection, slurmJobId: number): Allocation | undefined {
  return liveBySlurmJob(db).get({ slurmJobId });
}

const claimedOthers = prepared((db) =>
  db
    .select({ count: sql<number>`count(*)` })
    .from(allocations)
    .where(
      and(
        isLive,
        eq(allocations.pool, given('pool')),
        eq(allocations.state, 'claimed'),
        ne(allocations.id, given('exceptId')),
      ),
    )
    .prepare(),
);

/** Registered runners that have been asked for in this pool and have not been seen to start: others' claims. */
export function countClaimed(db: Connection, pool: string, exceptId: string): number {
  return claimedOthers(db).get({ pool, exceptId })?.count ?? 0;
}
