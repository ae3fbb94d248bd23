import type { Outcome } from '../domain/allocation-state.ts';
import type { SteadyClock } from '../domain/steady-clock.ts';
import type { WorkflowJob } from '../domain/workflow-job.ts';
import { findAllocation, updateAllocation } from '../store/allocation-rows.ts';
import type { Connection } from '../store/connection.ts';
import { moveAllocation } from '../store/move-allocation.ts';
import { findRunner, markDeregistered } from '../store/runner-rows.ts';
import type { Context } from './context.ts';
import { progress } from './pool-health.ts';

/** What a row may have ended as before the proof came that its runner did a job. */
const disproved: readonly Outcome[] = [
  'unclaimed',
  'runner-never-online',
  'idle',
  'registration-lost',
  'surplus',
];

/** `runner_name` on a job is the only proof of who ran what. Saying it again changes nothing. */
export function confirmRunner(context: Context, tx: Connection, job: WorkflowJob, name: string): void {
  const { clock, seen } = context;
  const runner = findRunner(tx, name);
  const row = runner === undefined ? undefined : findAllocation(tx, runner.allocationId);
  if (row === undefined) return;
  if (row.workflowJobId !== job.id) {
    updateAllocation(tx, row.id, { workflowJobId: job.id, unconfirmedSince: null });
    progress(tx, row.pool, 'start');
    if (row.outcome !== null && disproved.includes(row.outcome as Outcome)) {
      updateAllocation(tx, row.id, {
        outcome: 'completed',
        reason: `GitHub names its runner on job ${job.id}.`,
      });
    }
  }
  seen.startedMs.delete(row.id);
  if (
    row.state === 'claimed' ||
    (row.state === 'releasing' && row.workflowJobId === null && job.status !== 'completed')
  ) {
    moveAllocation(tx, {
      id: row.id,
      from: row.state,
      to: 'busy',
      atMs: clock.steadyMs(),
      changes: { startedAt: startOf(job, clock), claimTokenHash: null },
      detail: `GitHub names its runner on job ${job.id}`,
    });
  }
  if (job.status === 'completed') {
    // An ephemeral runner's registration goes with its job.
    markDeregistered(tx, name);
    if (!seen.jobOverMs.has(row.id) && row.state !== 'ended') seen.jobOverMs.set(row.id, clock.monotonicMs());
  }
}

/** GitHub's word by our clock, which may be behind GitHub's: nothing starts in the future. */
function startOf({ startedAtMs }: Pick<WorkflowJob, 'startedAtMs'>, clock: SteadyClock): number {
  const nowMs = clock.steadyMs();
  return startedAtMs === null ? nowMs : Math.min(nowMs, startedAtMs - clock.jumpMs());
}
