/**
 * Slurm reports a job's state as an array: one base state and any number of flags (`["CANCELLED", "COMPLETING"]`).
 * The list of both grows with Slurm's releases, so unknown words are tolerated.
 * Source: https://slurm.schedmd.com/job_state_codes.html
 */
import { isSlurmEnd, type SlurmEnd } from './slurm-ends.ts';

/** Slurm has the job and will not start or go on with it by itself: no supply, but it still counts for the caps. */
const stuckFlags = new Set([
  'SUSPENDED',
  'STOPPED',
  'REQUEUE_HOLD',
  'RESV_DEL_HOLD',
  'COMPLETING',
  'STAGE_OUT',
]);

const requeueFlags = new Set(['REQUEUED', 'REQUEUE_HOLD', 'REQUEUE_FED', 'SPECIAL_EXIT']);

/** Of a job that waits: Slurm has tried to start it, and put it back. */
const triedFlags = new Set(['LAUNCH_FAILED', 'RECONFIG_FAIL']);

export type SlurmPhase = 'waiting' | 'running' | 'stuck' | 'requeued' | 'terminal';

/** What a state array means for an allocation. Terminal wants a terminal base state that COMPLETING has left: no flag ends a job. */
export function slurmPhase(states: readonly string[]): SlurmPhase {
  if (states.some((state) => requeueFlags.has(state))) return 'requeued';
  const stuck = states.some((state) => stuckFlags.has(state));
  if (states.some(isSlurmEnd)) return stuck ? 'stuck' : 'terminal';
  if (states.includes('PENDING') && states.some((state) => triedFlags.has(state))) return 'requeued';
  // REVOKED: its fate is another cluster's.
  if (stuck || states.includes('REVOKED')) return 'stuck';
  return states.includes('RUNNING') ? 'running' : 'waiting';
}

/** The terminal base state of a state array, for outcomes such as `slurm:NODE_FAIL`; null where there is none. */
export function terminalState(states: readonly string[]): SlurmEnd | null {
  return states.find(isSlurmEnd) ?? null;
}
