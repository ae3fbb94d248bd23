/**
 * One listing for all allocations, whatever their number. A job that is absent from one listing says nothing yet: two
 * listings and Slurm's own "no such job" have to agree. What SQLite says is no word about Slurm, and is thrown.
 */
import { type SlurmPhase, slurmPhase } from '../domain/slurm-job-state.ts';
import { findAllocation } from '../store/allocation-rows.ts';
import { requestCancel } from '../store/cancel-rows.ts';
import type { Connection } from '../store/connection.ts';
import { sqliteErrorOf } from '../store/damage.ts';
import { type LiveAllocation, liveAllocationsInBrief } from '../store/live-allocations.ts';
import type { Context } from './context.ts';
import { endAllocation, endAsSlurmSays } from './end-allocation.ts';
import { requeueReason } from './end-reason.ts';
import { lookUpJob } from './look-up-job.ts';
import { failureOf } from './observations.ts';

const absencesThatMatter = 2;
/** Long enough for a claim, or for a cancel, to have come through. */
const oddForMs = 60_000;

export async function observeSlurm(context: Context): Promise<void> {
  const { store, slurm, clock, seen, log, count } = context;
  const rows = liveAllocationsInBrief(store.db).filter(hasSlurmJob);
  try {
    const listed = await slurm.states(rows.map((row) => row.slurmJobId));
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
    if (sqliteErrorOf(error) !== null) throw error;
    count('slurm_observations_failed');
    const failure = failureOf(error, clock.calendarMs(), seen.slurm.failure);
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
  if (phase !== 'terminal' && phase !== 'requeued') {
    noteOddity(context, row, phase);
    return;
  }
  const current = findAllocation(tx, row.id);
  if (current === undefined || current.state === 'ended') return;
  if (phase === 'terminal') {
    endAsSlurmSays(context, tx, current, states);
  } else {
    const job = { slurmJobId: row.slurmJobId, slurmJobName: row.slurmJobName };
    requestCancel(tx, job, 'requeued by Slurm: its runner is spent', clock.steadyMs());
    endAllocation(context, tx, current, 'slurm:REQUEUED', requeueReason(row.slurmJobId, states));
  }
}

function noteAbsence(context: Context, row: WithSlurmJob): void {
  const { seen } = context;
  const absences = (seen.absences.get(row.id) ?? 0) + 1;
  seen.absences.set(row.id, absences);
  if (absences >= absencesThatMatter) lookUpJob(context, row.id);
}

/**
 * States that do not go with the row: its number may be another job's by now, or Slurm has sent it back to the queue. The
 * listing began after the row was read, so what has asked for its runner and waits is looked up at once: a requeued job
 * shows no flag of it as soon as it waits again, and holds its place for two minutes until it is started for nothing.
 */
function noteOddity(context: Context, row: WithSlurmJob, phase: SlurmPhase): void {
  const { seen, clock } = context;
  if (phase === 'waiting' && (row.state === 'claimed' || row.state === 'busy')) {
    lookUpJob(context, row.id);
    return;
  }
  const odd =
    (phase === 'running' && row.state === 'pending') ||
    (row.state === 'releasing' && seen.cancelRequestedMs.has(row.id));
  if (!odd) {
    seen.oddSinceMs.delete(row.id);
    return;
  }
  const nowMs = clock.monotonicMs();
  const sinceMs = seen.oddSinceMs.get(row.id) ?? nowMs;
  if (nowMs - sinceMs < oddForMs) {
    seen.oddSinceMs.set(row.id, sinceMs);
    return;
  }
  seen.oddSinceMs.delete(row.id);
  lookUpJob(context, row.id);
}
