/** Writes what GitHub showed, and what follows from it for our runners, in one transaction. */
import { judgeLabels } from '../domain/labels.ts';
import { poolOf } from '../domain/pool.ts';
import type { WorkflowJob } from '../domain/workflow-job.ts';
import { unconfirmedAllocations, updateAllocation } from '../store/allocation-rows.ts';
import type { Connection } from '../store/connection.ts';
import {
  jobsByIds,
  recordJob,
  recordMiss,
  recordRun,
  type WorkflowJobRow,
} from '../store/workflow-job-rows.ts';
import { confirmRunner } from './confirm-runner.ts';
import type { Context } from './context.ts';
import type { RepositoryObservation } from './ports.ts';

/** GitHub's listings may lag behind the runner's own word by this much. */
const lagWindowMs = 15_000;

/** `begunMs`: monotonic time at which the observation began. */
export function recordObservation(
  context: Context,
  observation: RepositoryObservation,
  begunMs: number,
): void {
  const { store, clock, seen } = context;
  // Runs and jobs are GitHub's, and so are the other times in their rows.
  const nowMs = clock.calendarMs();
  store.db.transaction((tx) => {
    for (const run of observation.runs) {
      recordRun(tx, { id: run.id, repository: observation.repository, completed: run.completed }, nowMs);
    }
    const jobs = observation.jobs.filter((job) => !seen.recorded.has(job));
    const known = new Map(
      jobsByIds(
        tx,
        jobs.map((job) => job.id),
      ).map((row) => [row.id, row]),
    );
    for (const job of jobs) recordOne(context, tx, job, known.get(job.id), nowMs);
    for (const id of observation.missingJobIds) recordMiss(tx, id, nowMs);
    // Of a job that it could not find it says nothing yet, and that may be the one that has started.
    if (observation.missingJobIds.length === 0)
      giveUpUnconfirmed(context, tx, observation.repository, begunMs);
  });
  for (const job of observation.jobs) seen.recorded.add(job);
}

function recordOne(
  context: Context,
  tx: Connection,
  job: WorkflowJob,
  known: WorkflowJobRow | undefined,
  nowMs: number,
) {
  const { config, store } = context;
  // Any job may have taken one of our runners, also one that is none of our business.
  if (job.runnerName?.startsWith(`${config.runnerNamePrefix}-${store.instanceId}-`) === true) {
    confirmRunner(context, tx, job, job.runnerName);
  }
  const verdict = judgeLabels(job.labels, {
    profiles: [...config.profiles.keys()],
    extraLabels: config.extraLabels,
  });
  if (verdict.kind === 'foreign') {
    if (known === undefined || known.verdict === 'rejected') return;
    const reason = 'Its size label is no longer a profile here.';
    recordJob(tx, job, { kind: 'rejected', reason }, null, nowMs);
    return;
  }
  const pool = verdict.kind === 'ours' ? poolOf(job.repository, verdict.profile, verdict.labels).key : null;
  if (known === undefined || hasChanged(known, job, pool)) recordJob(tx, job, verdict, pool, nowMs);
}

function hasChanged(known: WorkflowJobRow, job: WorkflowJob, pool: string | null): boolean {
  return (
    known.status !== job.status ||
    known.conclusion !== job.conclusion ||
    known.runnerName !== job.runnerName ||
    known.pool !== pool ||
    known.misses !== 0
  );
}

/** A start that a listing begun well after it does not show was a job of somebody else, or none: it is no supply. */
function giveUpUnconfirmed({ seen }: Context, tx: Connection, scope: string, begunMs: number): void {
  for (const row of unconfirmedAllocations(tx, scope)) {
    const startedMs = seen.startedMs.get(row.id);
    // A start from before this process: its time on this clock is not known, so it counts from now on.
    if (startedMs === undefined) seen.startedMs.set(row.id, begunMs);
    else if (begunMs - startedMs >= lagWindowMs) {
      updateAllocation(tx, row.id, { unconfirmedSince: null });
      seen.startedMs.delete(row.id);
    }
  }
}
