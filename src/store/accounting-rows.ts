/** Ended allocations that Slurm's accounting is to be asked about: a short list, with an index of its own. */
import type { Connection } from './connection.ts';
import { and, asc, eq, isNotNull, lte, sql } from './drizzle.ts';
import type { Allocation } from './move-allocation.ts';
import { given, prepared, preparedFor, setEach } from './prepared.ts';
import { allocations } from './schema.ts';

const due = prepared((db) =>
  db
    .select()
    .from(allocations)
    .where(and(isNotNull(allocations.accountingDueAt), lte(allocations.accountingDueAt, given('nowMs'))))
    .orderBy(asc(allocations.accountingDueAt))
    .limit(given('limit'))
    .prepare(),
);

/** Those that have waited longest. */
export function dueForAccounting(db: Connection, nowMs: number, limit: number): Allocation[] {
  return due(db).all({ nowMs, limit });
}

const account = preparedFor((db, columns) =>
  db
    .update(allocations)
    .set({ ...setEach(columns), accountingDueAt: null })
    .where(eq(allocations.id, given('id')))
    .prepare(),
);

/** What accounting says of an ended row, which is not asked about again; nothing where it has given no answer often enough. */
export function closeAccounting(
  db: Connection,
  id: string,
  changes: Partial<Pick<Allocation, 'peakMemoryMiB' | 'node' | 'exitCode' | 'outcome' | 'reason'>>,
): void {
  account(db, Object.keys(changes)).run({ ...changes, id });
}

const postpone = prepared((db) =>
  db
    .update(allocations)
    .set({
      accountingDueAt: sql`${given('dueAt')}`,
      accountingAttempts: sql`${allocations.accountingAttempts} + 1`,
    })
    .where(eq(allocations.id, given('id')))
    .prepare(),
);

/** Accounting had no record of its end yet. */
export function postponeAccounting(db: Connection, id: string, dueAt: number): void {
  postpone(db).run({ id, dueAt });
}

const giveUp = prepared((db) =>
  db
    .update(allocations)
    .set({ accountingDueAt: null })
    .where(and(isNotNull(allocations.accountingDueAt), lte(allocations.accountingDueAt, given('untilMs'))))
    .prepare(),
);

/** What has been due since then, or for longer, is not asked about any more. */
export function giveUpAccounting(db: Connection, untilMs: number): void {
  giveUp(db).run({ untilMs });
}
