/**
 * Asks Slurm about one allocation's job, by number, when the listing of states is not enough: it lacks the job, or what
 * it says does not go with the row. A slurmctld that lost its memory gives numbers out again, and a listing has no names.
 */
import { endOutcome } from '../domain/end-outcome.ts';
import { slurmPhase } from '../domain/slurm-job-state.ts';
import { findAllocation } from '../store/allocation-rows.ts';
import { requestCancel } from '../store/cancel-rows.ts';
import type { Context } from './context.ts';
import { endAllocation } from './end-allocation.ts';
import { goneReason } from './end-reason.ts';
import type { SlurmJobDetail } from './ports.ts';

/** Ends the row when Slurm has no job of that number and name, or has sent it back to the queue. */
export function lookUpJob(context: Context, id: string): void {
  const { effects, slurm, store, log, seen } = context;
  effects.run('slurm', `look:${id}`, async () => {
    const before = findAllocation(store.db, id);
    if (before?.slurmJobId == null) return;
    const job = await slurm.job(before.slurmJobId, before.slurmUser).catch((error: unknown) => {
      log.warn({ allocationId: id, err: error }, 'a Slurm job can not be looked up yet');
      return undefined;
    });
    if (job === undefined) return;
    seen.absences.delete(id);
    judge(context, id, job);
  });
}

/** What a look at its Slurm job means for an allocation. False when the job is its own and goes on. */
export function judge(context: Context, id: string, job: SlurmJobDetail | null): boolean {
  const { store, clock } = context;
  return store.db.transaction((tx) => {
    const row = findAllocation(tx, id);
    if (row === undefined || row.slurmJobId === null || row.state === 'ended') return true;
    const { slurmJobId, slurmJobName, state } = row;
    if (job === null || job.name !== slurmJobName) {
      const outcome = state === 'releasing' ? endOutcome({ ...row, state }, []) : 'slurm:GONE';
      return endAllocation(context, tx, row, outcome, goneReason(slurmJobId));
    }
    const hasStarted = state === 'claimed' || state === 'busy';
    if (!hasStarted || slurmPhase(job.states) !== 'waiting') return false;
    requestCancel(
      tx,
      { slurmJobId, slurmJobName },
      'requeued by Slurm: its runner is spent',
      clock.steadyMs(),
    );
    return endAllocation(context, tx, row, 'slurm:REQUEUED', `Slurm job ${slurmJobId} is back in the queue.`);
  });
}
