/**
 * What a wall clock that was set back between two processes has left: due times further away than any that is ever set, and
 * things that are said to have begun or ended in the future. Bounded once, at the start: within a process time is steady.
 */
import type { Connection } from './connection.ts';
import { and, eq, gt, isNotNull, isNull, lt, ne, or, sql } from './drizzle.ts';
import { allocations, cancels, fences, poolHealth, runners } from './schema.ts';

/** The longest waits that are ever set, in milliseconds. */
export interface LongestWaits {
  readonly cancelMs: number;
  readonly fenceMs: number;
  readonly deregisterMs: number;
  readonly accountingMs: number;
  readonly poolMs: number;
  /** Of a pool that has failed less often waits for nothing: the time is that of its last failure. */
  readonly strikesThatBlock: number;
}

/** Nothing is due later than its longest wait from now, and nothing has begun or ended after it. @returns how many rows it was so for. */
export function boundTimes(db: Connection, nowMs: number, longest: LongestWaits): number {
  const by = (ms: number) => ({ retryAt: nowMs + ms });
  const live = ne(allocations.state, 'ended');
  return db.transaction((tx) =>
    [
      tx
        .update(cancels)
        .set(by(longest.cancelMs))
        .where(and(isNull(cancels.doneAt), gt(cancels.retryAt, nowMs + longest.cancelMs))),
      tx
        .update(fences)
        .set(by(longest.fenceMs))
        .where(and(isNull(fences.doneAt), gt(fences.retryAt, nowMs + longest.fenceMs))),
      // For how long its name is fenced counts from here.
      tx
        .update(fences)
        .set({
          createdAt: sql`min(${fences.createdAt}, ${nowMs})`,
          answeredAt: sql`min(${fences.answeredAt}, ${nowMs})`,
        })
        .where(and(isNull(fences.doneAt), or(gt(fences.createdAt, nowMs), gt(fences.answeredAt, nowMs)))),
      tx
        .update(runners)
        .set(by(longest.deregisterMs))
        .where(
          and(
            // In the words of the index on open rows.
            sql`${runners.state} in ('minting', 'registered', 'doubtful')`,
            gt(runners.retryAt, nowMs + longest.deregisterMs),
          ),
        ),
      tx
        .update(poolHealth)
        .set(by(longest.poolMs))
        .where(gt(poolHealth.retryAt, nowMs + longest.poolMs)),
      tx
        .update(poolHealth)
        .set(by(0))
        .where(and(lt(poolHealth.strikes, longest.strikesThatBlock), gt(poolHealth.retryAt, nowMs))),
      tx
        .update(allocations)
        .set({ accountingDueAt: nowMs + longest.accountingMs })
        .where(
          and(
            isNotNull(allocations.accountingDueAt),
            gt(allocations.accountingDueAt, nowMs + longest.accountingMs),
          ),
        ),
      // Until when a job rests counts from here.
      tx
        .update(allocations)
        .set({ endedAt: nowMs })
        .where(and(eq(allocations.state, 'ended'), gt(allocations.endedAt, nowMs))),
      tx
        .update(allocations)
        .set({
          submittedAt: sql`min(${allocations.submittedAt}, ${nowMs})`,
          firstClaimedAt: sql`min(${allocations.firstClaimedAt}, ${nowMs})`,
        })
        .where(and(live, or(gt(allocations.submittedAt, nowMs), gt(allocations.firstClaimedAt, nowMs)))),
    ].reduce((count, update) => count + update.run().changes, 0),
  );
}
