/**
 * The life of an allocation: one Slurm job that hosts one runner.
 *
 *     submitting → pending → claimed → busy → ended
 *          └──────────┴────────┴─→ releasing ─┘
 *
 * The table below is the whole truth: the store refuses every other move, and names the state that it leaves in
 * each UPDATE. Events from nodes are hints; only Slurm's word, or a refusal, ends a row.
 */
export const allocationStates = ['submitting', 'pending', 'claimed', 'busy', 'releasing', 'ended'] as const;
export type AllocationState = (typeof allocationStates)[number];
export type LiveState = Exclude<AllocationState, 'ended'>;

export const allocationMoves: Readonly<Record<AllocationState, readonly AllocationState[]>> = {
  /** Slurm acknowledged; or the claim was faster than the acknowledgement; or refused, lost, surplus. */
  submitting: ['pending', 'claimed', 'ended'],
  /** Its claim was granted; surplus, drained or never startable; Slurm says that it is over. */
  pending: ['claimed', 'releasing', 'ended'],
  /** It started a job; surplus or idle; Slurm says that it is over. */
  claimed: ['busy', 'releasing', 'ended'],
  /** Its GitHub job is over and Slurm's is not; Slurm says that it is over. */
  busy: ['releasing', 'ended'],
  /** Deregistering answered "busy", or a start was seen; it failed for good; Slurm says that it is over. */
  releasing: ['busy', 'claimed', 'ended'],
  ended: [],
};

export function mayMove(from: AllocationState, to: AllocationState): boolean {
  return allocationMoves[from].includes(to);
}

/** Why a row ended, beside `slurm:<TERMINAL STATE>` for the ends that only Slurm knows. */
export const plainOutcomes = [
  /** The runner did a job and the Slurm job is over. */
  'completed',
  /** No demand was left. */
  'surplus',
  /** The Slurm job ended without ever asking for its runner. */
  'unclaimed',
  /** It waited for what Slurm will never give it. */
  'never-startable',
  /** Slurm said no. */
  'submit-refused',
  /** Nobody knows whether Slurm took it: fenced by name. */
  'submit-lost',
  /** The runner was minted, and no job start was ever seen. */
  'runner-never-online',
  /** No job came to the runner in time. */
  'idle',
  /** GitHub has no registration of the runner any more, and no job was seen on it: its process is a ghost. */
  'registration-lost',
] as const;
export type Outcome = (typeof plainOutcomes)[number] | `slurm:${string}`;
