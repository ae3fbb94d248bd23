/** What was printed last where a runner ended before its job started: one text an allocation. */
import type { Connection } from './connection.ts';
import { desc, inArray } from './drizzle.ts';
import { allocationOutputs } from './schema.ts';

export type AllocationOutput = typeof allocationOutputs.$inferSelect;

/** A later one takes the place of an earlier one. */
export function saveOutput(db: Connection, output: AllocationOutput): void {
  const { at, text } = output;
  db.insert(allocationOutputs)
    .values(output)
    .onConflictDoUpdate({ target: allocationOutputs.allocationId, set: { at, text } })
    .run();
}

/** The newest one of these allocations. */
export function newestOutput(db: Connection, allocationIds: readonly string[]): AllocationOutput | null {
  if (allocationIds.length === 0) return null;
  const found = db
    .select()
    .from(allocationOutputs)
    .where(inArray(allocationOutputs.allocationId, [...allocationIds]))
    .orderBy(desc(allocationOutputs.at))
    .limit(1)
    .get();
  return found ?? null;
}
