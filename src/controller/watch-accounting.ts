/**
 * What only Slurm's accounting knows of an allocation that ended: its peak memory, and how it ended where slurmctld had forgotten
 * the job by the time it was looked at. It is for people and decides nothing, so that it may be had late, or never:
 *
 *     ended ─→ due ─→ asked ┬→ a record of its end: written, done
 *                ↑          ├→ none yet: due again later, a few times, then done without
 *                │          └→ no accounting, or no answer: a rest, for all of them
 *                └─ at the end of the rest; what has been due for two hours is done without
 *
 * Many rows are asked about in one call, one call at a time, in a queue of its own. What is due is on disk, so that a restart goes on.
 */
import { accountedOutcome } from '../domain/end-outcome.ts';
import { slurmPhase } from '../domain/slurm-job-state.ts';
import {
  closeAccounting,
  dueForAccounting,
  giveUpAccounting,
  postponeAccounting,
} from '../store/accounting-rows.ts';
import { findAllocation } from '../store/allocation-rows.ts';
import type { Connection } from '../store/connection.ts';
import type { Allocation } from '../store/move-allocation.ts';
import type { Context } from './context.ts';
import { goneReason, slurmEndReason } from './end-reason.ts';
import type { AccountedJob } from './ports.ts';

/** slurmctld sends its records to slurmdbd behind the end; slurmdbd writes them in batches. */
export const accountingLagMs = 15_000;
/** From a quarter of a minute on, doubling: eight minutes in all. */
const mostAttempts = 6;
export const longestAccountingWaitMs = accountingLagMs * 2 ** (mostAttempts - 1);
/** A record has about 15 KB. */
const rowsAtOnce = 50;
const absentRestMs = 3_600_000;
/** A call that was given up may go on in slurmrestd, on one of its few threads: the next one comes well after it. */
const firstFailureRestMs = 300_000;
const longestDueMs = 2 * absentRestMs;
const absent =
  'Slurm has no accounting that slurmrestd can ask, or it does not answer: what jobs used is not shown. It is asked again in an hour';

export class AccountingWatch {
  readonly #context: Context;
  /** Monotonic time until which nothing is asked. */
  #restUntilMs = Number.NEGATIVE_INFINITY;
  /** In a row. */
  #failures = 0;
  #isAbsent = false;

  constructor(context: Context) {
    this.#context = context;
  }

  watch(): void {
    const { store, clock, effects } = this.#context;
    if (clock.monotonicMs() < this.#restUntilMs || effects.isRunning('accounting')) return;
    const rows = dueForAccounting(store.db, clock.steadyMs(), rowsAtOnce);
    const user = rows[0]?.slurmUser ?? null;
    // Each user's by a call of its own: slurmdbd may keep them from one another.
    const same = rows.filter(({ slurmUser }) => slurmUser === user);
    if (same.length > 0) effects.run('accounting', 'accounting', () => this.#ask(same, user));
  }

  async #ask(rows: readonly Allocation[], user: string | null): Promise<void> {
    const { slurm, store, log, count } = this.#context;
    let jobs: readonly AccountedJob[] | null;
    try {
      const ids = rows.flatMap(({ slurmJobId }) => slurmJobId ?? []);
      jobs = await slurm.accounting(ids, user);
    } catch (error) {
      this.#failures += 1;
      count('accounting_failed');
      log.warn({ err: error }, "Slurm's accounting can not be asked");
      this.#rest(Math.min(absentRestMs, firstFailureRestMs * 2 ** (this.#failures - 1)));
      return;
    }
    this.#failures = 0;
    if (jobs === null) {
      if (!this.#isAbsent) log.info({}, absent);
      this.#isAbsent = true;
      this.#rest(absentRestMs);
      return;
    }
    if (this.#isAbsent) log.info({}, "Slurm's accounting answers");
    this.#isAbsent = false;
    const known = jobs;
    store.db.transaction((tx) => {
      for (const { id } of rows) this.#note(tx, id, known);
    });
  }

  #rest(ms: number): void {
    const { clock, store } = this.#context;
    this.#restUntilMs = clock.monotonicMs() + ms;
    giveUpAccounting(store.db, clock.steadyMs() - longestDueMs);
  }

  #note(tx: Connection, id: string, jobs: readonly AccountedJob[]): void {
    const { clock } = this.#context;
    const row = findAllocation(tx, id);
    if (row === undefined) return;
    // A number is given out again, a name never.
    const job = jobs.findLast((one) => one.id === row.slurmJobId && one.name === row.slurmJobName);
    if (job !== undefined && slurmPhase(job.states) === 'terminal') {
      closeAccounting(tx, id, {
        peakMemoryMiB: job.peakMemoryMiB,
        node: row.node ?? job.node,
        exitCode: row.exitCode ?? job.exitCode,
        ...(row.outcome === 'slurm:GONE' ? endOf(row, job) : {}),
      });
    } else if (row.accountingAttempts + 1 >= mostAttempts) {
      closeAccounting(tx, id, {});
    } else {
      postponeAccounting(tx, id, clock.steadyMs() + accountingLagMs * 2 ** row.accountingAttempts);
    }
  }
}

/** How a job ended that slurmctld had forgotten. What its node had said says more, and stays. */
function endOf(row: Allocation, { id, states }: AccountedJob): Pick<Allocation, 'outcome' | 'reason'> {
  const reason =
    row.reason === goneReason(id) ? `${slurmEndReason(id, states)} Only accounting knew.` : row.reason;
  return { outcome: accountedOutcome(row, states), reason };
}
