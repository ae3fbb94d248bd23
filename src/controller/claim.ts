/**
 * A runner gets its identity when its Slurm job starts and asks for it. Demand is checked and the row moves to `claimed`
 * in one synchronous transaction before anything is minted, and demand once more when GitHub is asked, which may be
 * after a deletion; mints are single-flight per allocation. In doubt, mint: a
 * wrong mint costs one idle time-out, a wrong refusal costs a place in Slurm's queue. But a registration that a lost or
 * released runner has left is waited for: until GitHub has deleted it, it stands for one of the queued jobs.
 */
import { findAllocation, updateAllocation } from '../store/allocation-rows.ts';
import { requestCancel } from '../store/cancel-rows.ts';
import type { Connection } from '../store/connection.ts';
import { liveAllocationBySlurmJob } from '../store/live-allocations.ts';
import { type Allocation, moveAllocation } from '../store/move-allocation.ts';
import { unstartedLeftovers } from '../store/runner-rows.ts';
import type { ClaimAnswer, ClaimRequest, NodeTimes } from './claim-answer.ts';
import type { Context } from './context.ts';
import { endAllocation } from './end-allocation.ts';
import { freeJobs } from './free-jobs.ts';
import { loseSubmit } from './lose-submit.ts';
import { mintRunner } from './mint-runner.ts';
import { progress } from './pool-health.ts';
import { regrantClaim } from './regrant-claim.ts';
import { tokenMatches } from './secret-token.ts';

export class Claims {
  readonly #context: Context;
  readonly #underWay = new Map<string, Promise<ClaimAnswer>>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** Answers one claim; a second one for the same Slurm job, while the first is under way, gets the same answer. */
  async claim(id: string, token: string, request: ClaimRequest): Promise<ClaimAnswer> {
    const { store, seen, clock } = this.#context;
    const refusal = store.db.transaction((tx) => this.#judge(tx, id, token, request), {
      behavior: 'immediate',
    });
    if (refusal === null || refusal.status === 503) seen.askedMs.set(id, clock.monotonicMs());
    if (refusal !== null) {
      this.#noteRefusal(refusal);
      return refusal;
    }
    const key = `${id}:${request.slurmJobId}`;
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return underWay;
    const granted = store.db.transaction((tx) => this.#grant(tx, id, request), { behavior: 'immediate' });
    if (granted !== null) {
      this.#noteRefusal(granted);
      return granted;
    }
    const answer = mintRunner(this.#context, id, request.workFolder).finally(() =>
      this.#underWay.delete(key),
    );
    this.#underWay.set(key, answer);
    return answer;
  }

  /** A 503 is asked again, and no refusal. */
  #noteRefusal({ status }: ClaimAnswer): void {
    if (status !== 503) this.#context.count('claims_refused');
  }

  /** What needs no look at demand; null when the claim may go on. */
  #judge(tx: Connection, id: string, token: string, request: ClaimRequest): ClaimAnswer | null {
    const { seen, clock } = this.#context;
    const row = findAllocation(tx, id);
    if (row === undefined) return gone('unknown allocation');
    if (row.claimTokenHash === null) return gone(`the allocation is ${row.state}`);
    if (!tokenMatches(token, row.claimTokenHash)) return { status: 401, message: 'wrong claim token' };
    if (row.state === 'ended' || row.state === 'releasing' || row.state === 'busy') {
      return gone(`the allocation is ${row.state}`);
    }
    const job = { slurmJobId: request.slurmJobId, slurmJobName: row.slurmJobName };
    if (row.slurmJobId !== null && row.slurmJobId !== request.slurmJobId) {
      requestCancel(tx, job, 'another Slurm job holds its allocation', clock.steadyMs());
      return { status: 409, message: `Slurm job ${row.slurmJobId} holds this allocation` };
    }
    if (request.restartCount > 0) {
      requestCancel(tx, job, 'started again by Slurm', clock.steadyMs());
      return gone('Slurm has started this job before');
    }
    if (seen.scope(row.scope).begunMs === null) {
      return {
        status: 503,
        message: 'the repository has not been observed since the service started',
        retryAfterSeconds: 2,
      };
    }
    return null;
  }

  #grant(tx: Connection, id: string, request: ClaimRequest): ClaimAnswer | null {
    const row = findAllocation(tx, id);
    if (row === undefined) return gone('unknown allocation');
    const context = this.#context;
    const nowMs = context.clock.steadyMs();
    const free = freeJobs(context, tx, row);
    if (!context.config.repositories.includes(row.scope) || free <= 0)
      return this.#refuseSurplus(tx, row, request, nowMs);
    const leftovers = unstartedLeftovers(tx, row);
    if (free <= leftovers.length) return waitFor(tx, row, leftovers);
    // What it has waited for is over.
    if (row.reason !== null) updateAllocation(tx, id, { reason: null });
    if (row.state === 'claimed') return regrantClaim(context, tx, row, nowMs);
    if (row.state !== 'submitting' && row.state !== 'pending') return gone(`the allocation is ${row.state}`);
    const older = liveAllocationBySlurmJob(tx, request.slurmJobId);
    if (older !== undefined && older.id !== id) {
      endAllocation(
        context,
        tx,
        older,
        'slurm:LOST',
        `Slurm gave job number ${request.slurmJobId} to another job.`,
      );
    }
    moveAllocation(tx, {
      id,
      from: row.state,
      to: 'claimed',
      atMs: nowMs,
      changes: {
        slurmJobId: request.slurmJobId,
        node: request.node,
        firstClaimedAt: nowMs,
        claims: 1,
        ...nodeTimes(request.took, nowMs),
      },
      detail: `claimed by Slurm job ${request.slurmJobId} on ${request.node}`,
    });
    progress(tx, row.pool, 'claim');
    context.count('claims_granted');
    return null;
  }

  #refuseSurplus(tx: Connection, row: Allocation, request: ClaimRequest, nowMs: number): ClaimAnswer {
    const reason = 'No queued job was left for it when its Slurm job started.';
    if (row.state === 'submitting') {
      loseSubmit(this.#context, row, 'surplus', reason);
      requestCancel(tx, { slurmJobId: request.slurmJobId, slurmJobName: row.slurmJobName }, 'surplus', nowMs);
    } else if (row.state === 'pending' || row.state === 'claimed') {
      const changes = { releaseOutcome: 'surplus', releasingAt: nowMs, reason };
      moveAllocation(tx, {
        id: row.id,
        from: row.state,
        to: 'releasing',
        atMs: nowMs,
        changes,
        detail: 'surplus',
      });
    }
    return gone('no queued job is left for it');
  }
}

function nodeTimes({ elapsedMs, preparedMs, imageMs, dockerMs }: NodeTimes = {}, nowMs: number) {
  return {
    nodeStartedAt: elapsedMs === undefined ? null : nowMs - elapsedMs,
    preparedMs: preparedMs ?? null,
    imageMs: imageMs ?? null,
    dockerMs: dockerMs ?? null,
  };
}

/**
 * Its mint would be one registration more than there are queued jobs. Each deletion is tried again for as long as it takes, and GitHub
 * drops a runner that stays away after a day. A Slurm job that has asked for `runner.claimWait` ends, with this reason, which counts
 * against its pool.
 */
function waitFor(tx: Connection, row: Allocation, leftovers: readonly string[]): ClaimAnswer {
  const reason = `It waits until GitHub has deleted a registration that is left of a runner before it: ${leftovers.join(', ')}.`;
  if (row.reason !== reason) updateAllocation(tx, row.id, { reason });
  return {
    status: 503,
    message: 'an earlier registration of its pool can not be deleted yet',
    retryAfterSeconds: 2,
  };
}

function gone(message: string): ClaimAnswer {
  return { status: 410, message };
}
