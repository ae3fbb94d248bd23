/** The intents of a whole plan on disk in one transaction; then the effects, many at once. */
import { slurmJobName } from '../domain/names.ts';
import type { PoolKey } from '../domain/pool.ts';
import type { Action } from '../planner/snapshot.ts';
import { findAllocation, insertAllocation } from '../store/allocation-rows.ts';
import { moveAllocation } from '../store/move-allocation.ts';
import type { Context } from './context.ts';
import { loseSubmit } from './lose-submit.ts';
import { hashToken, newToken } from './secret-token.ts';
import type { Submitter } from './submit.ts';

export function carryOut(context: Context, submitter: Submitter, actions: readonly Action[]): void {
  const { store, clock, chance, seen, log } = context;
  const begunMs = clock.monotonicMs();
  const submits: { id: string; claimToken: string; poolKey: PoolKey; jobId: number }[] = [];
  store.db.transaction((tx) => {
    const atMs = clock.steadyMs();
    for (const action of actions) {
      if (action.kind === 'release') continue;
      const id = chance.allocationId();
      const claimToken = newToken();
      insertAllocation(tx, {
        id,
        pool: action.pool,
        madeForJobId: action.jobId,
        slurmJobName: slurmJobName(store.instanceId, id),
        claimTokenHash: hashToken(claimToken),
        slurmUser: context.config.overrides.get(action.pool.scope)?.user ?? null,
        atMs,
      });
      submits.push({ id, claimToken, poolKey: action.pool.key, jobId: action.jobId });
    }
  });
  // First, since a release may fail: an intent on disk that nobody sends would be counted as supply for ever.
  for (const { id, claimToken, poolKey, jobId } of submits) {
    seen.fuse.noteSubmit(poolKey, { atMs: clock.monotonicMs(), jobId });
    submitter.start(id, claimToken);
  }
  store.db.transaction(() => {
    for (const action of actions) if (action.kind === 'release') release(context, action);
  });
  if (actions.length > 0) {
    const tookMs = Math.round(clock.monotonicMs() - begunMs);
    log.info(
      { submits: submits.length, releases: actions.length - submits.length, tookMs },
      'plan carried out',
    );
  }
}

function release(context: Context, { allocationId, from }: Extract<Action, { kind: 'release' }>): void {
  const { store, clock, count } = context;
  const reason = 'No queued job is left for it.';
  if (from === 'submitting') {
    const row = findAllocation(store.db, allocationId);
    if (row !== undefined && loseSubmit(context, row, 'surplus', reason)) count('releases');
    return;
  }
  const nowMs = clock.steadyMs();
  const moved = moveAllocation(store.db, {
    id: allocationId,
    from,
    to: 'releasing',
    atMs: nowMs,
    changes: { releaseOutcome: 'surplus', releasingAt: nowMs, reason },
    detail: 'surplus',
  });
  if (moved) count('releases');
}
