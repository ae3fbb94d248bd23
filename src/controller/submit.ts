/**
 * One submit per allocation, ever. The intent is on disk before this runs. A refusal that Slurm states ends the row; an
 * answer that says "not created" leaves it, to be sent again; everything else is in doubt, and fenced.
 *
 * The claim token exists in this process's memory only: after a restart nothing could be sent again, so every row that
 * is still `submitting` at start-up is in doubt.
 */
import { messageOf, SlurmError } from '../domain/errors.ts';
import { findAllocation, updateAllocation } from '../store/allocation-rows.ts';
import { requestCancel } from '../store/cancel-rows.ts';
import { liveAllocationBySlurmJob } from '../store/live-allocations.ts';
import { moveAllocation } from '../store/move-allocation.ts';
import { findPoolHealth } from '../store/pool-health-rows.ts';
import { backoffMs } from './backoff.ts';
import type { Context } from './context.ts';
import { endAllocation } from './end-allocation.ts';
import { loseSubmit } from './lose-submit.ts';
import { isBlocked, progress, strike } from './pool-health.ts';
import { submitRequest } from './submit-request.ts';

export interface Unsent {
  readonly claimToken: string;
  attempts: number;
  /** Monotonic milliseconds. */
  retryAtMs: number;
}

export class Submitter {
  readonly #context: Context;
  readonly #unsent = new Map<string, Unsent>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** Hands over the token of an allocation whose intent is on disk, and sends its submit. */
  start(allocationId: string, claimToken: string): void {
    this.#unsent.set(allocationId, { claimToken, attempts: 0, retryAtMs: 0 });
    this.#send(allocationId);
  }

  isInFlight(allocationId: string): boolean {
    const { effects, database } = this.#context;
    // Asked of thousands at every turn, and as a rule there is none.
    if (effects.areIdle && database.isSettled) return false;
    const key = `submit:${allocationId}`;
    return effects.isRunning(key) || database.isUnsettled(key);
  }

  /** Submits that Slurm certainly did not take are sent again when their time has come. */
  sendDue(): void {
    const nowMs = this.#context.clock.monotonicMs();
    for (const [id, unsent] of this.#unsent) if (unsent.retryAtMs <= nowMs) this.#send(id);
  }

  #send(id: string): void {
    this.#context.effects.run('slurm', `submit:${id}`, () => this.#submit(id));
  }

  /** @returns false where nothing came of it, so that the next ones are few. */
  async #submit(id: string): Promise<boolean> {
    const { store, slurm, config, count, database } = this.#context;
    const key = `submit:${id}`;
    const unsent = this.#unsent.get(id);
    const row = findAllocation(store.db, id);
    const profile = row === undefined ? undefined : config.profiles.get(row.profile);
    if (unsent === undefined || row?.state !== 'submitting' || profile === undefined) {
      this.#unsent.delete(id);
      return true;
    }
    const health = findPoolHealth(store.db, row.pool);
    if (
      isBlocked(health) &&
      health.stage === 'submit' &&
      unsent.attempts === 0 &&
      health.retryAt > row.createdAt
    ) {
      const reason = `Not sent: ${health.reason}`;
      database.settle(key, () => this.#refuse(id, reason, false));
      return false;
    }
    unsent.attempts += 1;
    count('submits');
    let slurmJobId: number;
    try {
      const answer = await slurm.submit(submitRequest(config, row, profile, unsent.claimToken));
      slurmJobId = answer.id;
    } catch (error) {
      // At once: what is sent next depends on it.
      database.settle(key, () => this.#fail(id, unsent, error));
      return false;
    }
    // Never again, whatever becomes of the writing.
    this.#unsent.delete(id);
    // Slurm says it once: what can't be written now is written later, and the row counts as in flight until then.
    database.settleSoon(key, () => this.#acknowledge(id, slurmJobId));
    return true;
  }

  /** The id is stored in any state; a Slurm job that nobody waits for any more is cancelled. */
  #acknowledge(id: string, slurmJobId: number): void {
    const context = this.#context;
    const { store, clock, log } = context;
    const nowMs = clock.steadyMs();
    store.db.transaction((tx) => {
      const row = findAllocation(tx, id);
      if (row === undefined) return;
      progress(tx, row.pool, 'submit');
      const older = liveAllocationBySlurmJob(tx, slurmJobId);
      if (older !== undefined && older.id !== id) {
        endAllocation(
          context,
          tx,
          older,
          'slurm:LOST',
          `Slurm lost job ${slurmJobId} and gave its number to another.`,
        );
      }
      const acknowledged = { slurmJobId, submittedAt: nowMs };
      if (row.state === 'submitting') {
        moveAllocation(tx, { id, from: 'submitting', to: 'pending', atMs: nowMs, changes: acknowledged });
      } else if (row.slurmJobId === null || row.slurmJobId === slurmJobId) {
        updateAllocation(tx, id, acknowledged);
        if (row.state === 'ended') {
          requestCancel(
            tx,
            { slurmJobId, slurmJobName: row.slurmJobName },
            'acknowledged after its allocation ended',
            nowMs,
          );
        }
      } else {
        requestCancel(
          tx,
          { slurmJobId, slurmJobName: row.slurmJobName },
          'another Slurm job holds its allocation',
          nowMs,
        );
      }
    });
    log.info({ allocationId: id, slurmJobId }, 'Slurm job submitted');
  }

  #fail(id: string, unsent: Unsent, error: unknown): void {
    const { store, clock, chance, log } = this.#context;
    const message = messageOf(error);
    if (error instanceof SlurmError && error.notCreated) {
      if (error.kind === 'refused') {
        log.warn(
          { allocationId: id, errorNumber: error.errorNumber, reason: message },
          'Slurm refused a submit',
        );
        this.#refuse(id, message, true);
        return;
      }
      unsent.retryAtMs = clock.monotonicMs() + backoffMs(unsent.attempts, chance);
      log.warn({ allocationId: id, reason: message }, 'submit not taken by Slurm, will be sent again');
      return;
    }
    this.#unsent.delete(id);
    const row = findAllocation(store.db, id);
    if (row === undefined) return;
    // At once: a process that dies in between would send the next one as if none had failed.
    const lost = store.db.transaction((tx) => {
      const moved = loseSubmit(this.#context, row, 'submit-lost', message);
      if (moved) strike(this.#context, tx, { ...row, stage: 'submit', reason: message });
      return moved;
    });
    log.warn({ allocationId: id, reason: message, fenced: lost }, 'submit in doubt');
  }

  #refuse(id: string, reason: string, striking: boolean): void {
    const { store, clock, count } = this.#context;
    this.#unsent.delete(id);
    count('submits_refused');
    const nowMs = clock.steadyMs();
    store.db.transaction((tx) => {
      const row = findAllocation(tx, id);
      if (row === undefined) return;
      // Slurm's statement is about each submit by itself, so each counts.
      if (striking) strike(this.#context, tx, { pool: row.pool, createdAt: nowMs, stage: 'submit', reason });
      moveAllocation(tx, {
        id,
        from: 'submitting',
        to: 'ended',
        atMs: nowMs,
        changes: { outcome: 'submit-refused', reason, endedAt: nowMs },
        detail: `submit-refused: ${reason}`,
      });
    });
  }
}
