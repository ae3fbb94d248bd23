/**
 * Rows on their way out. Deregister first, every name ever minted; then wait, in case a job was assigned at that moment;
 * only then cancel in Slurm, by id and name. Slurm's word ends the row.
 */

import { requestCancel } from '../store/cancel-rows.ts';
import { allocationsIn, busyWithJobOver } from '../store/live-allocations.ts';
import { type Allocation, moveAllocation } from '../store/move-allocation.ts';
import { openRunnersOf, runnersOf } from '../store/runner-rows.ts';
import type { Context } from './context.ts';
import { deregisterAll } from './deregister.ts';

/** A job assigned just before its runner was deregistered shows up within this time. */
const settleMs = 30_000;
/** A runner exits by itself once its job is over; its Slurm job has this long to follow. */
const exitGraceMs = 60_000;
/** Slurm was told, and still has the job: tell it again. */
const cancelAgainMs = 60_000;

export function releaseAllocations(context: Context): void {
  const { db } = context.store;
  db.transaction(() => {
    for (const row of busyWithJobOver(db)) releaseAfterGrace(context, row);
    for (const row of allocationsIn(db, 'releasing')) advance(context, row);
  });
}

function releaseAfterGrace({ seen, clock, store }: Context, row: Allocation): void {
  const overMs = seen.jobOverMs.get(row.id) ?? clock.monotonicMs();
  seen.jobOverMs.set(row.id, overMs);
  if (clock.monotonicMs() - overMs < exitGraceMs) return;
  const nowMs = clock.steadyMs();
  moveAllocation(store.db, {
    id: row.id,
    from: 'busy',
    to: 'releasing',
    atMs: nowMs,
    changes: {
      releaseOutcome: 'completed',
      releasingAt: nowMs,
      reason: 'Its workflow job is over, its Slurm job is not.',
    },
    detail: 'job over',
  });
}

function advance(context: Context, row: Allocation): void {
  const { store, clock, seen, effects } = context;
  const nowMs = clock.monotonicMs();
  const requestedMs = seen.cancelRequestedMs.get(row.id);
  // Everything is done, and Slurm has the word.
  if (requestedMs !== undefined && nowMs - requestedMs < cancelAgainMs) return;
  const open = openRunnersOf(store.db, row.id);
  if (open.some(({ retryAt }) => retryAt > clock.steadyMs())) return;
  if (open.length > 0) {
    effects.run('github', `deregister:${row.id}`, async () => {
      await deregisterAll(context, row);
    });
    return;
  }
  if (runnersOf(store.db, row.id).some((runner) => runner.state === 'deregistered')) {
    const deregisteredMs = seen.deregisteredMs.get(row.id) ?? nowMs;
    seen.deregisteredMs.set(row.id, deregisteredMs);
    if (nowMs - deregisteredMs < settleMs) return;
  }
  if (row.slurmJobId === null) return;
  seen.cancelRequestedMs.set(row.id, nowMs);
  const job = { slurmJobId: row.slurmJobId, slurmJobName: row.slurmJobName };
  requestCancel(store.db, job, row.reason ?? 'released', clock.steadyMs());
}
