/**
 * What a wall clock that was set back between two processes has left: due times further away than any that is ever set, and
 * things that are said to have begun or ended in the future. Bounded once, at the start: within a process time is steady.
 *
 * That is so for what is not over, since something is done by its age. What is over is history, told to people: of that only what
 * a new job or a submit waits for is bounded. GitHub's times, and those of the wall clock beside them, are nobody's to change here.
 */
import type { Connection } from './connection.ts';
import { and, eq, gt, isNotNull, isNull, lt, ne, or, type SQL, type SQLiteColumn, sql } from './drizzle.ts';
import { isOpen } from './runner-rows.ts';
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

/** For an UPDATE of these columns to this time wherever they are after it, null or not. */
function notAfter<Name extends string>(nowMs: number, columns: Readonly<Record<Name, SQLiteColumn>>) {
  const each = Object.entries<SQLiteColumn>(columns);
  const set = Object.fromEntries(each.map(([name, column]) => [name, sql`min(${column}, ${nowMs})`]));
  return { set: set as Record<Name, SQL>, isAfter: or(...each.map(([, column]) => gt(column, nowMs))) };
}

/** Nothing is due later than its longest wait from now, and nothing has begun or ended after it. @returns how many rows it was so for. */
export function boundTimes(db: Connection, nowMs: number, longest: LongestWaits): number {
  const by = (ms: number) => ({ retryAt: nowMs + ms });
  const live = ne(allocations.state, 'ended');
  const ofLive = sql`${runners.allocationId} in (select ${allocations.id} from ${allocations} where ${live})`;
  const { submittedAt, firstClaimedAt, nodeStartedAt, startedAt, releasingAt, unconfirmedSince } =
    allocations;
  const course = { submittedAt, firstClaimedAt, nodeStartedAt, startedAt, releasingAt, unconfirmedSince };
  const ofCourse = notAfter(nowMs, course);
  // Before the last failure of its pool, which may be bounded to this time, too: so it is no try of after that.
  const createdAt = sql`case when ${allocations.createdAt} > ${nowMs} then ${nowMs - 1} else ${allocations.createdAt} end`;
  const ofCancel = notAfter(nowMs, { createdAt: cancels.createdAt });
  const ofFence = notAfter(nowMs, { createdAt: fences.createdAt, answeredAt: fences.answeredAt });
  const ofRunner = notAfter(nowMs, { mintedAt: runners.mintedAt, onlineAt: runners.onlineAt });
  return db.transaction((tx) =>
    [
      tx
        .update(cancels)
        .set(by(longest.cancelMs))
        .where(and(isNull(cancels.doneAt), gt(cancels.retryAt, nowMs + longest.cancelMs))),
      tx
        .update(cancels)
        .set(ofCancel.set)
        .where(and(isNull(cancels.doneAt), ofCancel.isAfter)),
      tx
        .update(fences)
        .set(by(longest.fenceMs))
        .where(and(isNull(fences.doneAt), gt(fences.retryAt, nowMs + longest.fenceMs))),
      // For how long its name is fenced counts from here.
      tx
        .update(fences)
        .set(ofFence.set)
        .where(and(isNull(fences.doneAt), ofFence.isAfter)),
      tx
        .update(runners)
        .set(by(longest.deregisterMs))
        .where(and(isOpen, gt(runners.retryAt, nowMs + longest.deregisterMs))),
      tx.update(runners).set(ofRunner.set).where(and(isOpen, ofRunner.isAfter)),
      // Those that a live row has had before, too: the newest one is known by its time.
      tx.update(runners).set(ofRunner.set).where(and(ofLive, ofRunner.isAfter)),
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
      // Until when a job rests counts from here; and none ends before it is made.
      tx
        .update(allocations)
        .set({ endedAt: nowMs, createdAt })
        .where(and(eq(allocations.state, 'ended'), gt(allocations.endedAt, nowMs))),
      tx
        .update(allocations)
        .set({ createdAt, ...ofCourse.set })
        .where(and(live, or(gt(allocations.createdAt, nowMs), ofCourse.isAfter))),
    ].reduce((count, update) => count + update.run().changes, 0),
  );
}
