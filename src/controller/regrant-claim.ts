import { countClaim, updateAllocation } from '../store/allocation-rows.ts';
import type { Connection } from '../store/connection.ts';
import { type Allocation, moveAllocation } from '../store/move-allocation.ts';
import type { ClaimAnswer } from './claim-answer.ts';
import type { Context } from './context.ts';

/** Claims of one allocation are bounded in number (by a CHECK too) and in time. */
const claimWindowMs = 5 * 60_000;

/** The same Slurm job asks again: its answer was lost, or GitHub could not mint. Null when it may have another mint. */
export function regrantClaim(
  context: Context,
  tx: Connection,
  row: Allocation,
  nowMs: number,
): ClaimAnswer | null {
  // Nothing was minted yet, so the window has not begun.
  if (row.claims === 0) {
    tx.transaction((inner) => {
      countClaim(inner, row.id);
      updateAllocation(inner, row.id, { firstClaimedAt: nowMs });
    });
    return null;
  }
  const inTime = nowMs - (row.firstClaimedAt ?? nowMs) <= claimWindowMs;
  if (inTime && countClaim(tx, row.id)) {
    context.count('claims_granted');
    return null;
  }
  const reason = 'It asked for its runner too often without starting it.';
  moveAllocation(tx, {
    id: row.id,
    from: 'claimed',
    to: 'releasing',
    atMs: nowMs,
    changes: { releaseOutcome: 'runner-never-online', releasingAt: nowMs, reason },
    detail: reason,
  });
  return { status: 410, message: 'claimed too often' };
}
