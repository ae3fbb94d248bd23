/**
 * Registrations: `minting` → `registered` or `doubtful` (the answer was lost) or `refused`; what GitHub may still have
 * ends as `deregistered`. The name is on disk before GitHub hears of it. One that was `refused` was never there: its name may be
 * `minting` again.
 */

import type { Connection } from './connection.ts';
import { and, asc, eq, inArray, isNull, lte, ne, sql } from './drizzle.ts';
import { given, prepared } from './prepared.ts';
import { allocations, runners } from './schema.ts';

export type RunnerRow = typeof runners.$inferSelect;

/** States in which GitHub has the registration, or may have it. */
const openStates = ['minting', 'registered', 'doubtful'] as const;
export const openRunnerStates: ReadonlySet<RunnerRow['state']> = new Set(openStates);

/** The term of the partial index on open rows, in its own words: SQLite uses the index for a query that repeats them. */
export const isOpen = sql`${runners.state} in ('minting', 'registered', 'doubtful')`;

/** Two that a start has bounded have the same time: then in the order in which they were written down. */
const oldestFirst = [asc(runners.mintedAt), sql`"runners".rowid`] as const;

const allOf = prepared((db) =>
  db
    .select()
    .from(runners)
    .where(eq(runners.allocationId, given('allocationId')))
    .orderBy(...oldestFirst)
    .prepare(),
);

export function runnersOf(db: Connection, allocationId: string): RunnerRow[] {
  return allOf(db).all({ allocationId });
}

const openOf = prepared((db) =>
  db
    .select()
    .from(runners)
    .where(and(eq(runners.allocationId, given('allocationId')), inArray(runners.state, openStates)))
    .prepare(),
);

export function openRunnersOf(db: Connection, allocationId: string): RunnerRow[] {
  return openOf(db).all({ allocationId });
}

const byName = prepared((db) =>
  db
    .select()
    .from(runners)
    .where(eq(runners.name, given('name')))
    .prepare(),
);

export function findRunner(db: Connection, name: string): RunnerRow | undefined {
  return byName(db).get({ name });
}

/**
 * @throws SqliteError (a constraint) when a mint for this allocation is under way already.
 * @throws Error when GitHub may have had a registration of this name.
 */
export function insertMint(
  db: Connection,
  runner: { name: string; allocationId: string; scope: string },
  nowMs: number,
): void {
  const { changes } = db
    .insert(runners)
    .values({ ...runner, state: 'minting', mintedAt: nowMs })
    .onConflictDoUpdate({
      target: runners.name,
      set: { state: 'minting', mintedAt: nowMs },
      setWhere: eq(runners.state, 'refused'),
    })
    .run();
  if (changes === 0) throw new Error(`the runner ${runner.name} was minted before`);
}

/** The outcome of a mint; false when the row has left `minting` meanwhile. */
export function finishMint(
  db: Connection,
  name: string,
  outcome: { state: 'registered'; githubRunnerId: number } | { state: 'doubtful' | 'refused' },
): boolean {
  const changed = db
    .update(runners)
    .set({
      ...outcome,
      ...(outcome.state === 'refused' ? { refusals: sql`${runners.refusals} + 1` } : {}),
    })
    .where(and(eq(runners.name, name), eq(runners.state, 'minting')))
    .run();
  return changed.changes === 1;
}

/** At start-up nobody waits for a mint any more: GitHub may have those registrations. */
export function doubtAllMints(db: Connection): number {
  return db.update(runners).set({ state: 'doubtful' }).where(eq(runners.state, 'minting')).run().changes;
}

/** GitHub does not have it any more. */
export function markDeregistered(db: Connection, name: string): void {
  db.update(runners)
    .set({ state: 'deregistered' })
    .where(and(eq(runners.name, name), inArray(runners.state, openStates)))
    .run();
}

export function postponeDeregister(db: Connection, name: string, retryAtMs: number): void {
  db.update(runners)
    .set({ retryAt: retryAtMs, attempts: sql`${runners.attempts} + 1` })
    .where(eq(runners.name, name))
    .run();
}

export function markOnline(db: Connection, name: string, nowMs: number): void {
  db.update(runners)
    .set({ onlineAt: nowMs })
    .where(and(eq(runners.name, name), isNull(runners.onlineAt)))
    .run();
}

const leftover = prepared((db) =>
  db
    .select({ runner: runners })
    .from(runners)
    .innerJoin(allocations, eq(allocations.id, runners.allocationId))
    .where(
      and(
        isOpen,
        ne(runners.state, 'minting'),
        // The plus keeps SQLite from the index on ended rows: it would read all of history.
        sql`+${allocations.state} = 'ended'`,
        lte(runners.retryAt, given('nowMs')),
      ),
    )
    .prepare(),
);

/** Registrations that outlived their allocation, due for a clean-up. */
export function leftoverRunners(db: Connection, nowMs: number): RunnerRow[] {
  return leftover(db)
    .all({ nowMs })
    .map((row) => row.runner);
}

const unstarted = prepared((db) =>
  db
    .select({ name: runners.name })
    .from(runners)
    .innerJoin(allocations, eq(allocations.id, runners.allocationId))
    .where(
      and(
        isOpen,
        eq(runners.scope, given('scope')),
        eq(allocations.pool, given('pool')),
        // As above.
        sql`+${allocations.state} in ('ended', 'releasing')`,
        isNull(allocations.workflowJobId),
        isNull(allocations.startedAt),
      ),
    )
    .prepare(),
);

/** Names of a pool's registrations that wait for their deletion, and that nobody knows to have started a job. */
export function unstartedLeftovers(
  db: Connection,
  { scope, pool }: { readonly scope: string; readonly pool: string },
): string[] {
  return unstarted(db)
    .all({ scope, pool })
    .map((row) => row.name);
}

/** Registrations that GitHub has or may have. */
export function countOpenRunners(db: Connection): number {
  return (
    db
      .select({ count: sql<number>`count(*)` })
      .from(runners)
      .where(and(isOpen, ne(runners.state, 'minting')))
      .get()?.count ?? 0
  );
}

const ofAll = prepared((db) =>
  db
    .select()
    .from(runners)
    // One statement for any number of ids, where a list of parameters is a statement for each number.
    .where(sql`${runners.allocationId} in (select value from json_each(${given('ids')}))`)
    .orderBy(...oldestFirst)
    .prepare(),
);

/** Those of each allocation, oldest mint first, for display. */
export function runnersOfAll(db: Connection, allocationIds: readonly string[]): Map<string, RunnerRow[]> {
  if (allocationIds.length === 0) return new Map();
  const rows = ofAll(db).all({ ids: JSON.stringify(allocationIds) });
  return Map.groupBy(rows, (row) => row.allocationId);
}
