import type { Outcome } from './allocation-state.ts';
import { terminalState } from './slurm-job-state.ts';

interface EndingRow {
  readonly state: 'submitting' | 'pending' | 'claimed' | 'busy' | 'releasing';
  readonly releaseOutcome: string | null;
  readonly workflowJobId: number | null;
}

/**
 * What a row ends as when Slurm says that its job is over. `run.sh` exits 0 after nearly everything, so COMPLETED says
 * nothing about a workflow job: that is GitHub's to say.
 */
export function endOutcome(row: EndingRow, slurmStates: readonly string[]): Outcome {
  const state = terminalState(slurmStates);
  if (row.state === 'releasing') return (row.releaseOutcome ?? 'surplus') as Outcome;
  if (state !== 'COMPLETED') return `slurm:${state ?? 'UNKNOWN'}`;
  if (row.state === 'busy' || row.workflowJobId !== null) return 'completed';
  return row.state === 'claimed' ? 'runner-never-online' : 'unclaimed';
}

/** The same for a row that ended before anybody knew how: what it had come to says in which state that was. */
export function accountedOutcome(
  row: {
    readonly startedAt: number | null;
    readonly firstClaimedAt: number | null;
    readonly workflowJobId: number | null;
  },
  slurmStates: readonly string[],
): Outcome {
  const state = row.startedAt !== null ? 'busy' : row.firstClaimedAt !== null ? 'claimed' : 'pending';
  return endOutcome({ state, releaseOutcome: null, workflowJobId: row.workflowJobId }, slurmStates);
}
