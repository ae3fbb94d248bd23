/**
 * No progress. Three failures in a row of the same stage block a pool, with the reason; after a growing interval one
 * allocation is tried, and the first that gets further clears the pool. Kept in the store: a restart starts no new loop.
 */
import type { Connection } from '../store/connection.ts';
import {
  clearPoolHealth,
  findPoolHealth,
  type PoolHealthRow,
  writePoolHealth,
} from '../store/pool-health-rows.ts';
import type { Context } from './context.ts';

const stages = ['submit', 'claim', 'start'] as const;
export type Stage = (typeof stages)[number];

export const strikesThatBlock = 3;
const firstRetryMs = 60_000;
const longestRetryMs = 30 * 60_000;
const jitter = 0.2;
export const longestBlockMs = longestRetryMs * (1 + jitter);

export interface Failed {
  readonly pool: string;
  /** Milliseconds since the Unix epoch: when the allocation that failed was made. */
  readonly createdAt: number;
  readonly stage: Stage;
  readonly reason: string;
  /** The next allocation could only end the same way: blocks at once. */
  readonly hopeless?: boolean;
}

/** One more failure. What was under way when the last one was counted fails with it, and is no try of its own. */
export function strike(
  { clock, chance }: Pick<Context, 'clock' | 'chance'>,
  db: Connection,
  { pool, createdAt, stage, reason, hopeless = false }: Failed,
): void {
  const before = findPoolHealth(db, pool);
  const same = before?.stage === stage ? before : undefined;
  if (same !== undefined && createdAt < same.retryAt && (isBlocked(same) || !hopeless)) return;
  const counted = (same?.strikes ?? 0) + 1;
  const strikes = hopeless ? Math.max(counted, strikesThatBlock) : counted;
  const whole = Math.min(longestRetryMs, firstRetryMs * 2 ** (strikes - strikesThatBlock));
  const waitMs = strikes < strikesThatBlock ? 0 : Math.round(whole * (1 + jitter * chance.fraction()));
  writePoolHealth(db, { pool, stage, strikes, reason, retryAt: clock.steadyMs() + waitMs });
}

/** An allocation of the pool got this far: failures at this stage or before it are over. */
export function progress(db: Connection, pool: string, stage: Stage): void {
  const before = findPoolHealth(db, pool);
  if (before !== undefined && stages.indexOf(before.stage) <= stages.indexOf(stage))
    clearPoolHealth(db, pool);
}

/**
 * A wave that fails together is one failure, and the next one must not be as great: after one before a claim, what is made is one
 * allocation at a time. Only for the jobs that it failed: those that all came later owe it nothing.
 * @param oldestJobMs as GitHub says.
 * @returns since when allocations count as that one, in milliseconds since the Unix epoch; null when there is no such bound.
 */
export function oneAtATimeSince(
  row: PoolHealthRow | undefined,
  oldestJobMs: number,
  clock: Pick<Context['clock'], 'onCalendar'>,
): number | null {
  if (row === undefined || row.stage === 'start' || row.strikes >= strikesThatBlock) return null;
  return oldestJobMs < clock.onCalendar(row.retryAt) ? row.retryAt : null;
}

export function isBlocked(row: PoolHealthRow | undefined): row is PoolHealthRow {
  return row !== undefined && row.strikes >= strikesThatBlock;
}
