/**
 * What a start finds: submits and mints that an earlier process began and whose outcome nobody waits for any more. Both
 * are in doubt. Fences go out as soon as Slurm answers; registrations are deleted when their job asks again or is over.
 *
 * A process that dies over its submits must not send them again for ever. So what it has lost is one failure of its pool, however much
 * it was; and the submits of the last minute are counted on. A single crash costs neither a job nor its pool any rest.
 */
import { boundTimes } from '../store/bound-times.ts';
import { allocationsIn } from '../store/live-allocations.ts';
import { recentAllocations } from '../store/recent-allocations.ts';
import { doubtAllMints } from '../store/runner-rows.ts';
import { longestBackoffMs } from './backoff.ts';
import { longestFenceWaitMs } from './cancel-jobs.ts';
import type { Context } from './context.ts';
import { loseSubmit } from './lose-submit.ts';
import { longestBlockMs, strike, strikesThatBlock } from './pool-health.ts';
import { fuseWindowMs } from './submit-fuse.ts';
import { longestAccountingWaitMs } from './watch-accounting.ts';

const longestWaits = {
  cancelMs: longestBackoffMs,
  fenceMs: longestFenceWaitMs,
  deregisterMs: longestBackoffMs,
  accountingMs: longestAccountingWaitMs,
  poolMs: longestBlockMs,
  strikesThatBlock,
};

const reason = 'The service stopped before Slurm answered.';

export function recover(context: Context): void {
  const { store, config, clock, seen, log } = context;
  const rows = boundTimes(store.db, clock.steadyMs(), longestWaits);
  if (rows > 0) log.warn({ rows }, 'the wall clock was set back before this start: no wait is longer for it');
  const mints = doubtAllMints(store.db);
  if (mints > 0) {
    for (const scope of config.repositories) seen.doubtfulMintMs.set(scope, clock.monotonicMs());
  }
  refillFuse(context);
  const submits = loseSubmits(context);
  if (mints + submits > 0) log.warn({ mints, submits }, 'an earlier run left calls in doubt');
}

/** All at once: a process that dies over this, too, has lost none without its pool's failure. @returns how many. */
function loseSubmits(context: Context): number {
  const { store } = context;
  const submitting = allocationsIn(store.db, 'submitting');
  if (submitting.length === 0) return 0;
  store.db.transaction((tx) => {
    for (const row of submitting) loseSubmit(context, row, 'submit-lost', reason);
    // The newest of each pool: it stands for all.
    const last = new Map(submitting.map((row) => [row.pool, row]));
    for (const row of last.values()) strike(context, tx, { ...row, stage: 'submit', reason });
  });
  return submitting.length;
}

/** Wall time is all that the database has: a row from the future counts as new. */
function refillFuse({ store, clock, seen }: Context): void {
  const nowMs = clock.steadyMs();
  for (const { pool, madeForJobId, createdAt } of recentAllocations(store.db, nowMs - fuseWindowMs)) {
    const agoMs = Math.max(0, nowMs - createdAt);
    seen.fuse.noteSubmit(pool, { atMs: clock.monotonicMs() - agoMs, jobId: madeForJobId });
  }
}
