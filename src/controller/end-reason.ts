import { endMeaning } from '../domain/slurm-ends.ts';

/** Why an allocation ended, for people: Slurm's word, and what it means. */
export function slurmEndReason(slurmJobId: number | null, states: readonly string[]): string {
  return `Slurm job ${slurmJobId} is ${states.join('+')}${meaningOf(states)}.`;
}

/** Of one that Slurm has sent back to the queue. */
export function requeueReason(slurmJobId: number | null, states: readonly string[]): string {
  return `Slurm job ${slurmJobId} was requeued${meaningOf(states)}.`;
}

function meaningOf(states: readonly string[]): string {
  const meaning = endMeaning(states);
  return meaning === null ? '' : `: ${meaning}`;
}

/** Of one that slurmctld has no record of. */
export const goneReason = (slurmJobId: number | null): string =>
  `Slurm no longer knows job ${slurmJobId} of that name.`;
