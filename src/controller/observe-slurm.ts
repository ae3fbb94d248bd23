/**
 * One listing for all allocations, whatever their number. A job that is absent from one listing says nothing yet: two
 * listings and Slurm's own "no such job" have to agree.
 */
import { endOutcome } from '../domain/end-outcome.ts';
import { slurmPhase } from '../domain/slurm-job-state.ts';
import { findAllocation, type LiveAllocation, liveAllocationsInBrief } from '../store/allocation-rows.ts';
import { requestCancel } from '../store/cancel-rows.ts';
import type { Connection } from '../store/connection.ts';
import type { Context } from './context.ts';
import { endAllocation } from './end-allocation.ts';
import { failureOf } from './observations.ts';

const absencesThatMatter = 2;

export async function observeSlurm(context: Context): Promise<void> {
  const { store, slurm, clock, seen, log, count } = context;
  const rows = liveAllocationsInBrief(store.db).filter(hasSlurmJob);
  try {
    const listed = new Map(
      (await slurm.states(rows.map((row) => row.slurmJobId))).map((job) => [job.id, job.states]),
    );
    if (seen.slurm.failure !== null) log.info({}, 'Slurm answers again');
    seen.slurm = { observed: true, failure: null };
    store.db.transaction((tx) => {
      for (const row of rows) {
        const states = listed.get(row.slurmJobId);
        if (states === undefined) noteAbsence(context, row);
        else noteStates(context, tx, row, states);
      }
    });
  } catch (error) {
    count('slurm_observations_failed');
    const failure = failureOf(error, clock.wallMs(), seen.slurm.failure);
    if (seen.slurm.failure?.message !== failure.message) {
      log.error({ reason: failure.message }, 'Slurm can not be observed');
    }
    seen.slurm = { ...seen.slurm, failure };
  }
}

type WithSlurmJob = LiveAllocation & { readonly slurmJobId: number };

function hasSlurmJob(row: LiveAllocation): row is WithSlurmJob {
  return row.slurmJobId !== null;
}

function noteStates(context: Context, tx: Connection, row: WithSlurmJob, states: readonly string[]): void {
  const { seen, clock } = context;
  seen.absences.delete(row.id);
  const phase = slurmPhase(states);
  seen.phases.set(row.id, phase);
  if (phase !== 'terminal' && phase !== 'requeued') return;
  const current = findAllocation(tx, row.id);
  if (current === undefined || current.state === 'ended') return;
  if (phase === 'terminal') {
    const outcome = endOutcome({ ...current, state: current.state }, states);
    endAllocation(context, tx, current, outcome, `Slurm job ${row.slurmJobId} is ${states.join('+')}.`);
  } else {
    const job = { slurmJobId: row.slurmJobId, slurmJobName: row.slurmJobName };
    requestCancel(tx, job, 'requeued by Slurm: its runner is spent', clock.wallMs());
    endAllocation(context, tx, current, 'slurm:REQUEUED', `Slurm job ${row.slurmJobId} was requeued.`);
  }
}

function noteAbsence(context: Context, row: WithSlurmJob): void {
  const { seen, effects, slurm, store, log } = context;
  const absences = (seen.absences.get(row.id) ?? 0) + 1;
  seen.absences.set(row.id, absences);
  if (absences < absencesThatMatter) return;
  effects.run('slurm', `look:${row.id}`, async () => {
    const job = await slurm.job(row.slurmJobId).catch((error: unknown) => {
      log.warn({ allocationId: row.id, err: error }, 'an absent Slurm job can not be looked up yet');
      return undefined;
    });
    if (job === undefined) return;
    const current = findAllocation(store.db, row.id);
    if (current === undefined || current.state === 'ended') return;
    if (job !== null && job.name === row.slurmJobName) {
      seen.absences.delete(row.id);
      return;
    }
    const outcome =
      current.state === 'releasing' ? endOutcome({ ...current, state: 'releasing' }, []) : 'slurm:GONE';
    endAllocation(
      context,
      store.db,
      current,
      outcome,
      `Slurm no longer knows job ${row.slurmJobId} of that name.`,
    );
  });
}
