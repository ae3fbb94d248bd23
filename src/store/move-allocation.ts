import { type AllocationState, mayMove } from '../domain/allocation-state.ts';
import type { Connection } from './connection.ts';
import { and, eq, sql } from './drizzle.ts';
import { given, prepared, preparedFor, setEach } from './prepared.ts';
import { allocationEvents, allocations } from './schema.ts';

export type Allocation = typeof allocations.$inferSelect;
type Changes = Partial<Omit<typeof allocations.$inferInsert, 'id' | 'state'>>;

export interface Move {
  readonly id: string;
  readonly from: AllocationState;
  readonly to: AllocationState;
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
  readonly changes?: Changes;
  /** A sentence for `allocation_events`. */
  readonly detail?: string;
}

/** The UPDATE of a move that changes these columns besides. */
const update = preparedFor((db, columns) => {
  return db
    .update(allocations)
    .set({ ...setEach(columns), state: sql`${given('to')}` })
    .where(and(eq(allocations.id, given('id')), eq(allocations.state, given('from'))))
    .prepare();
});

const noteMove = prepared((db) =>
  db
    .insert(allocationEvents)
    .values({
      allocationId: given('allocationId'),
      at: given('at'),
      fromState: given('fromState'),
      toState: given('toState'),
      detail: given('detail'),
    })
    .prepare(),
);

/**
 * The only way a row changes its state. False means that someone was faster: the row has left `from`, nothing was
 * changed, and the caller looks again.
 * @throws Error for a move that the table of states does not have: a defect of the caller.
 */
export function moveAllocation(db: Connection, { id, from, to, atMs, changes, detail }: Move): boolean {
  if (!mayMove(from, to)) throw new Error(`An allocation can't move from ${from} to ${to}.`);
  return db.transaction((tx) => {
    const moved = update(tx, Object.keys(changes ?? {})).run({ ...changes, id, from, to });
    if (moved.changes === 0) return false;
    noteMove(tx).run({ allocationId: id, at: atMs, fromState: from, toState: to, detail: detail ?? null });
    return true;
  });
}
