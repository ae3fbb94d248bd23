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

const stages = ['submit', 'claim', 'start'] as const;
export type Stage = (typeof stages)[number];

export const strikesThatBlock = 3;
const firstRetryMs = 60_000;
const longestRetryMs = 30 * 60_000;

/** One more failure. A hopeless one blocks at once: the next allocation could only end the same way. */
export function strike(
  db: Connection,
  pool: string,
  stage: Stage,
  reason: string,
  nowMs: number,
  hopeless = false,
): PoolHealthRow {
  const before = findPoolHealth(db, pool);
  // What was under way when the pool was blocked fails with it: it is no try after the interval.
  if (isBlocked(before) && before.stage === stage && nowMs < before.retryAt) return before;
  const counted = before?.stage === stage ? before.strikes + 1 : 1;
  const strikes = hopeless ? Math.max(counted, strikesThatBlock) : counted;
  const wait =
    strikes < strikesThatBlock
      ? 0
      : Math.min(longestRetryMs, firstRetryMs * 2 ** (strikes - strikesThatBlock));
  const row: PoolHealthRow = { pool, stage, strikes, reason, retryAt: nowMs + wait };
  writePoolHealth(db, row);
  return row;
}

/** An allocation of the pool got this far: failures at this stage or before it are over. */
export function progress(db: Connection, pool: string, stage: Stage): void {
  const before = findPoolHealth(db, pool);
  if (before !== undefined && stages.indexOf(before.stage) <= stages.indexOf(stage))
    clearPoolHealth(db, pool);
}

export function isBlocked(row: PoolHealthRow | undefined): row is PoolHealthRow {
  return row !== undefined && row.strikes >= strikesThatBlock;
}
