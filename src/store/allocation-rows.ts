/** Allocations as rows: made, read, and changed without a change of state. Moves are in move-allocation.ts. */

import type { Pool } from '../domain/pool.ts';
import type { Connection } from './connection.ts';
import { and, desc, eq, gt, inArray, isNotNull, isNull, lt, type SQL, sql } from './drizzle.ts';
import type { Allocation } from './move-allocation.ts';
import { given, prepared, preparedFor, setEach } from './prepared.ts';
import { allocationEvents, allocations, fences } from './schema.ts';

/** For a join or another index to be used first: SQLite would take the index on ended rows, and read all of history. */
const isEnded = sql`+${allocations.state} = 'ended'`;

export interface NewAllocation {
  readonly id: string;
  readonly pool: Pool;
  /** The workflow job on whose behalf it is made. */
  readonly madeForJobId: number;
  readonly slurmJobName: string;
  readonly claimTokenHash: string;
  /** Whose Slurm job it will be; null for `slurm.user`. */
  readonly slurmUser: string | null;
  readonly atMs: number;
}

const intend = prepared((db) =>
  db
    .insert(allocations)
    .values({
      id: given('id'),
      scope: given('scope'),
      profile: given('profile'),
      pool: given('pool'),
      labels: given('labels'),
      state: 'submitting',
      slurmJobName: given('slurmJobName'),
      claimTokenHash: given('claimTokenHash'),
      slurmUser: given('slurmUser'),
      madeForJobId: given('madeForJobId'),
      createdAt: given('atMs'),
    })
    .prepare(),
);

const noteIntent = prepared((db) =>
  db
    .insert(allocationEvents)
    .values({ allocationId: given('id'), at: given('atMs'), toState: 'submitting' })
    .prepare(),
);

/** The intent: on disk before Slurm hears of it. */
export function insertAllocation(db: Connection, { pool, ...rest }: NewAllocation): void {
  const { scope, profile, key, labels } = pool;
  intend(db).run({ ...rest, scope, profile, pool: key, labels });
  noteIntent(db).run({ id: rest.id, atMs: rest.atMs });
}

const byId = prepared((db) =>
  db
    .select()
    .from(allocations)
    .where(eq(allocations.id, given('id')))
    .prepare(),
);

export function findAllocation(db: Connection, id: string): Allocation | undefined {
  return byId(db).get({ id });
}

const unprovenSupply = prepared((db) => {
  const { id, pool, scope, madeForJobId } = allocations;
  const columns = { id, pool, scope, madeForJobId };
  const unconfirmed = db
    .select({ ...columns, submitInDoubt: sql<number>`0` })
    .from(allocations)
    .where(and(isNotNull(allocations.unconfirmedSince), isEnded));
  const unfenced = db
    .select({ ...columns, submitInDoubt: sql<number>`1` })
    .from(fences)
    .innerJoin(allocations, eq(allocations.id, fences.allocationId))
    .where(and(isNull(fences.answeredAt), eq(allocations.outcome, 'submit-lost')));
  return unconfirmed.unionAll(unfenced).prepare();
});

export type EndedSupply = Pick<Allocation, 'id' | 'pool' | 'scope' | 'madeForJobId'> & {
  /** 1 where Slurm may have its job, 0 where that is over. */
  readonly submitInDoubt: number;
};

/** Ended rows that still count as supply: a start nobody has confirmed, or a lost submit that is not fenced yet. */
export function endedSupply(db: Connection): EndedSupply[] {
  return unprovenSupply(db).all();
}

const unconfirmedOf = prepared((db) =>
  db
    .select()
    .from(allocations)
    .where(and(isNotNull(allocations.unconfirmedSince), eq(allocations.scope, given('scope'))))
    .prepare(),
);

/** Rows with a start that no listing has confirmed, in any state. */
export function unconfirmedAllocations(db: Connection, scope: string): Allocation[] {
  return unconfirmedOf(db).all({ scope });
}

const userOfName = prepared((db) =>
  db
    .select({ user: allocations.slurmUser })
    .from(allocations)
    .where(eq(allocations.slurmJobName, given('slurmJobName')))
    .prepare(),
);

/** Whose Slurm job carries this name: null for `slurm.user`, and for a name that no allocation has. */
export function userOfSlurmJob(db: Connection, slurmJobName: string): string | null {
  return userOfName(db).get({ slurmJobName })?.user ?? null;
}

const update = preparedFor((db, columns) =>
  db
    .update(allocations)
    .set(setEach(columns))
    .where(eq(allocations.id, given('id')))
    .prepare(),
);

export function updateAllocation(
  db: Connection,
  id: string,
  changes: Partial<
    Pick<
      Allocation,
      | 'slurmJobId'
      | 'submittedAt'
      | 'claimTokenHash'
      | 'eventTokenHash'
      | 'firstClaimedAt'
      | 'startedAt'
      | 'unconfirmedSince'
      | 'workflowJobId'
      | 'outcome'
      | 'reason'
      | 'node'
      | 'exitCode'
    >
  >,
): void {
  update(db, Object.keys(changes)).run({ ...changes, id });
}

/** Counts a claim granted again; false when the bound of three is reached. */
export function countClaim(db: Connection, id: string): boolean {
  const counted = db
    .update(allocations)
    .set({ claims: sql`${allocations.claims} + 1` })
    .where(and(eq(allocations.id, id), lt(allocations.claims, 3)))
    .run();
  return counted.changes === 1;
}

/** A claim that certainly led to no registration does not count. */
export function forgiveClaim(db: Connection, id: string): void {
  db.update(allocations)
    .set({ claims: sql`${allocations.claims} - 1` })
    .where(and(eq(allocations.id, id), gt(allocations.claims, 0)))
    .run();
}

const endedPage = (db: Connection, older?: SQL) =>
  db
    .select()
    .from(allocations)
    .where(and(eq(allocations.state, 'ended'), older))
    .orderBy(desc(allocations.endedAt), desc(allocations.id))
    .limit(given('limit'))
    .prepare();
const newestEnded = prepared((db) => endedPage(db));
const olderEnded = prepared((db) =>
  endedPage(db, sql`(${allocations.endedAt}, ${allocations.id}) < (${given('endedAt')}, ${given('id')})`),
);

/** A page of ended rows, newest first; `before` is the end of the page before. */
export function endedAllocations(
  db: Connection,
  limit: number,
  before?: { readonly endedAt: number; readonly id: string },
): Allocation[] {
  return before === undefined ? newestEnded(db).all({ limit }) : olderEnded(db).all({ ...before, limit });
}

export function allocationsByIds(db: Connection, ids: readonly string[]): Allocation[] {
  return ids.length === 0
    ? []
    : db
        .select()
        .from(allocations)
        .where(inArray(allocations.id, [...ids]))
        .all();
}
