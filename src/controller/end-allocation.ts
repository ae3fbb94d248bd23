/** The one place where Slurm's word ends a row, with what follows from it for the pool and for the runner. */
import type { Outcome } from '../domain/allocation-state.ts';
import { endOutcome } from '../domain/end-outcome.ts';
import { terminalState } from '../domain/slurm-job-state.ts';
import { updateAllocation } from '../store/allocation-rows.ts';
import type { Connection } from '../store/connection.ts';
import { type Allocation, moveAllocation } from '../store/move-allocation.ts';
import { countQueued } from '../store/workflow-job-rows.ts';
import type { Context } from './context.ts';
import { slurmEndReason } from './end-reason.ts';
import { strike } from './pool-health.ts';
import { queueHorizonMs } from './queue-horizon.ts';
import { accountingLagMs } from './watch-accounting.ts';

const startedNothing: ReadonlySet<Outcome> = new Set(['idle', 'runner-never-online', 'registration-lost']);

/** False when the row has moved meanwhile. */
export function endAllocation(
  context: Context,
  db: Connection,
  row: Allocation,
  outcome: Outcome,
  slurmSays: string,
): boolean {
  const { clock, seen, log } = context;
  const nowMs = clock.steadyMs();
  // Why it was released, or what its node lacks, says more than that its Slurm job has ended.
  const told = row.state === 'releasing' || row.state === 'pending' || row.state === 'submitting';
  const reason = told && row.reason !== null ? row.reason : slurmSays;
  // A runner that was minted may have started a job that no listing and no event has shown yet.
  const mayHaveStarted = row.state === 'claimed' && row.workflowJobId === null;
  const ended = moveAllocation(db, {
    id: row.id,
    from: row.state,
    to: 'ended',
    atMs: nowMs,
    changes: {
      outcome,
      reason,
      endedAt: nowMs,
      claimTokenHash: null,
      ...(hasUsedMemory(row, outcome) ? { accountingDueAt: nowMs + accountingLagMs } : {}),
      ...(mayHaveStarted ? { unconfirmedSince: nowMs } : {}),
    },
    detail: `${outcome}: ${reason}`,
  });
  if (!ended) return false;
  if (mayHaveStarted) seen.startedMs.set(row.id, clock.monotonicMs());
  if (row.state === 'pending') strike(context, db, { ...row, stage: 'claim', reason });
  if (
    (startedNothing.has(outcome) || mayHaveStarted) &&
    countQueued(db, row.pool, queueHorizonMs(clock)) > 0
  ) {
    strike(context, db, { ...row, stage: 'start', reason });
  }
  log.info({ allocationId: row.id, slurmJobId: row.slurmJobId, outcome, reason }, 'allocation ended');
  return true;
}

/** Not what was cancelled before it ran; a requeued job's numbers are those of its next start. */
function hasUsedMemory({ slurmJobId, firstClaimedAt, state }: Allocation, outcome: Outcome): boolean {
  if (slurmJobId === null || outcome === 'slurm:REQUEUED') return false;
  return firstClaimedAt !== null || state !== 'releasing';
}

/** Ends a row whose Slurm job is in a terminal state. False when the row has moved meanwhile, or has ended before. */
export function endAsSlurmSays(
  context: Context,
  db: Connection,
  row: Allocation,
  states: readonly string[],
): boolean {
  const { state } = row;
  if (state === 'ended') return false;
  const end = terminalState(states);
  const reason = slurmEndReason(row.slurmJobId, states);
  const ended = endAllocation(context, db, row, endOutcome({ ...row, state }, states), reason);
  if (!ended) return false;
  // COMPLETED says that its batch script ended with 0; its node is known from its claim.
  if (end === 'COMPLETED') updateAllocation(db, row.id, { exitCode: 0 });
  else context.seen.endsToLookAt.add(row.id);
  return true;
}
