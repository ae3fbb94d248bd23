/**
 * Asks GitHub for one just-in-time runner. Its name is on disk before; an answer that is lost leaves a registration that
 * nobody can use, so it is deleted before the next mint, and its name is never used again. That of one that GitHub has refused is: so
 * the names that GitHub may ever have had are few, and `repair` can ask for each.
 */

import { GitHubError } from '../domain/errors.ts';
import { runnerName } from '../domain/names.ts';
import { findAllocation, forgiveClaim, updateAllocation } from '../store/allocation-rows.ts';
import type { Allocation } from '../store/move-allocation.ts';
import { finishMint, insertMint, runnersOf, unstartedLeftovers } from '../store/runner-rows.ts';
import type { ClaimAnswer } from './claim-answer.ts';
import type { Context } from './context.ts';
import { deregisterAll } from './deregister.ts';
import { freeJobs } from './free-jobs.ts';
import { hashToken, newToken } from './secret-token.ts';

export async function mintRunner(
  context: Context,
  id: string,
  workFolder: string | undefined,
): Promise<ClaimAnswer> {
  const row = findAllocation(context.store.db, id);
  if (row === undefined) return { status: 410, message: 'unknown allocation' };
  const before = await deregisterAll(context, row);
  if (before === 'busy') return { status: 410, message: 'its runner is at work' };
  if (before === 'failed') {
    forgiveClaim(context.store.db, id);
    return later('an earlier registration can not be deleted yet', null);
  }
  return context.effects.mint(() => mint(context, row, workFolder));
}

async function mint(context: Context, row: Allocation, workFolder: string | undefined): Promise<ClaimAnswer> {
  const { store, github, config, clock, seen, count, log, database } = context;
  const name = nextName(context, row.id);
  if (findAllocation(store.db, row.id)?.state !== 'claimed')
    return { status: 410, message: 'released meanwhile' };
  // The queue may have been seen again since the claim: then the next question is judged by that.
  if (freeJobs(context, store.db, row) <= unstartedLeftovers(store.db, row).length) {
    forgiveClaim(store.db, row.id);
    return later('its job has gone elsewhere meanwhile', null);
  }
  insertMint(store.db, { name, allocationId: row.id, scope: row.scope }, clock.steadyMs());
  let minted: { runnerId: number; jitConfig: string };
  try {
    minted = await github.mint(row.scope, { name, labels: row.labels, workFolder });
  } catch (error) {
    count('mints_failed');
    const certain = error instanceof GitHubError && error.notCreated;
    database.settle(`mint:${name}`, () => {
      finishMint(store.db, name, { state: certain ? 'refused' : 'doubtful' });
      if (certain) forgiveClaim(store.db, row.id);
    });
    if (!certain) seen.doubtfulMintMs.set(row.scope, clock.monotonicMs());
    log.warn({ allocationId: row.id, repo: row.scope, err: error }, 'runner can not be minted yet');
    return later('GitHub gives no runner now', error instanceof GitHubError ? error.retryAfterMs : null);
  }
  const eventToken = newToken();
  let wanted: boolean;
  try {
    wanted = store.db.transaction((tx) => {
      finishMint(tx, name, { state: 'registered', githubRunnerId: minted.runnerId });
      if (findAllocation(tx, row.id)?.state !== 'claimed') return false;
      updateAllocation(tx, row.id, { eventTokenHash: hashToken(eventToken) });
      return true;
    });
  } catch (error) {
    // Its job gets no answer, so nobody will use this registration: it is deleted as one whose answer was lost.
    database.settle(`mint:${name}`, () => void finishMint(store.db, name, { state: 'doubtful' }));
    throw error;
  }
  if (!wanted) {
    await deregisterAll(context, row);
    return { status: 410, message: 'released while its runner was minted' };
  }
  log.info({ allocationId: row.id, runnerName: name, repo: row.scope }, 'runner minted');
  const idleTimeoutSeconds = Math.ceil(config.job.idleTimeoutMs / 1_000);
  return { status: 200, jitConfig: minted.jitConfig, runnerName: name, eventToken, idleTimeoutSeconds };
}

/** The first one that GitHub has certainly never had. */
function nextName({ store, config }: Context, allocationId: string): string {
  const taken = new Set(
    runnersOf(store.db, allocationId).flatMap(({ name, state }) => (state === 'refused' ? [] : [name])),
  );
  let mint = 1;
  const nameOf = () => runnerName(config.runnerNamePrefix, store.instanceId, allocationId, mint);
  while (taken.has(nameOf())) mint += 1;
  return nameOf();
}

function later(message: string, waitMs: number | null): ClaimAnswer {
  return {
    status: 503,
    message,
    retryAfterSeconds: Math.min(60, Math.max(1, Math.ceil((waitMs ?? 2_000) / 1_000))),
  };
}
