import { slurmEnds } from '../domain/slurm-ends.ts';
import { terminalState } from '../domain/slurm-job-state.ts';

/** Why an allocation ended, for people: Slurm's word, and what it means. */
export function slurmEndReason(slurmJobId: number | null, states: readonly string[]): string {
  const end = terminalState(states);
  const meaning = end === null ? '' : `: ${slurmEnds[end]}`;
  return `Slurm job ${slurmJobId} is ${states.join('+')}${meaning}.`;
}

/** Of one that slurmctld has no record of. */
export const goneReason = (slurmJobId: number | null): string =>
  `Slurm no longer knows job ${slurmJobId} of that name.`;
