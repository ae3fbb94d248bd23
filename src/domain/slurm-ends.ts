/**
 * How a Slurm job may end, and what it tells an operator. The consequence is the same for all of them: the allocation ends as
 * `slurm:<STATE>` (or by what its runner did, for COMPLETED and for one that was being released), its registrations are
 * deleted, a job that is still queued gets another allocation, and an end without a runner's start counts against its pool.
 * Source: https://slurm.schedmd.com/job_state_codes.html
 */
export const slurmEnds = {
  COMPLETED: 'its batch script ended by itself',
  // Neither its exit code nor its reason tells the two apart.
  CANCELLED:
    'a user or an administrator cancelled it, or the Prolog of its node failed: see sinfo --list-reasons',
  FAILED: 'its batch script failed: look at its output, see slurm.output',
  TIMEOUT: "it reached its time limit: raise the profile's timeLimit",
  OUT_OF_MEMORY: "it used more memory than it has: raise the profile's memory",
  NODE_FAIL: 'its node failed',
  BOOT_FAIL: 'its node did not start',
  PREEMPTED: 'a job of higher priority took its place: use a partition or qos without preemption',
  DEADLINE: 'it could not end before its deadline',
} as const satisfies Readonly<Record<string, string>>;

export type SlurmEnd = keyof typeof slurmEnds;

/** Flags, which end nothing by themselves. Beside an end they say more of it than the end does. */
export const endFlags = {
  LAUNCH_FAILED: "it could not be started on its node: look at slurmd's log there",
  RECONFIG_FAIL: 'its node could not be reconfigured',
  REVOKED: 'another cluster of the federation has it',
} as const satisfies Readonly<Record<string, string>>;

type EndFlag = keyof typeof endFlags;

export function isSlurmEnd(state: string): state is SlurmEnd {
  return Object.hasOwn(slurmEnds, state);
}

function isEndFlag(state: string): state is EndFlag {
  return Object.hasOwn(endFlags, state);
}

/** What a state array tells an operator of a job that is over, or was started in vain; null when that is nothing. */
export function endMeaning(states: readonly string[]): string | null {
  const flag = states.find(isEndFlag);
  if (flag !== undefined) return endFlags[flag];
  const end = states.find(isSlurmEnd);
  return end === undefined ? null : slurmEnds[end];
}
