/**
 * What Slurm knows of a job that ended badly, and a listing of states does not tell: its node and its exit code. One look for each
 * such end, a few at once, for as long as slurmctld remembers the job; a look that fails is given up, since what it would
 * tell is for people and decides nothing.
 */
import { findAllocation, updateAllocation } from '../store/allocation-rows.ts';
import type { Context } from './context.ts';

/** Looks that may wait for their turn: more ends than that at once have one cause, and a few tell it. */
const mostWaiting = 20;

export class EndWatch {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  watch(): void {
    const { seen, effects } = this.#context;
    for (const id of [...seen.endsToLookAt].slice(0, mostWaiting)) {
      effects.run('slurm', `end:${id}`, () => this.#look(id));
    }
    seen.endsToLookAt.clear();
  }

  async #look(id: string): Promise<void> {
    const { slurm, store, log } = this.#context;
    const row = findAllocation(store.db, id);
    if (row?.slurmJobId == null) return;
    try {
      const job = await slurm.job(row.slurmJobId, row.slurmUser);
      if (job?.name !== row.slurmJobName) return;
      updateAllocation(store.db, id, {
        exitCode: job.exitCode,
        ...(job.node === null ? {} : { node: job.node }),
      });
    } catch (error) {
      log.debug({ allocationId: id, err: error }, 'an ended Slurm job can not be looked at');
    }
  }
}
