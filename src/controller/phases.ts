/** Where the time of an allocation went: each phase in milliseconds, null where it was not seen, or is not over. */
import type { Allocation } from '../store/move-allocation.ts';
import type { RunnerRow } from '../store/runner-rows.ts';

export interface Phases {
  readonly allocationId: string;
  /** From Slurm's acknowledgement to the start of the batch script. */
  readonly slurmWaitMs: number | null;
  /** From there to the first claim. */
  readonly prepareMs: number | null;
  /** Of that: until the image was there; null where none was fetched. */
  readonly imageMs: number | null;
  /** Of that, and beside it: until the job's dockerd answered; null without one. */
  readonly dockerMs: number | null;
  /** From the first claim to the one that was granted. */
  readonly claimMs: number | null;
  /** From the first claim until the runner was seen online, or at work, which it can't be before. Runners are not listed for that alone. */
  readonly onlineMs: number | null;
  /** From the start of the job to the end of the allocation. */
  readonly jobMs: number | null;
}

/** Null where nothing was heard of its batch script. @param runner the newest one of the allocation. */
export function phasesOf(row: Allocation, runner: Pick<RunnerRow, 'onlineAt'> | undefined): Phases | null {
  if (row.nodeStartedAt === null) return null;
  const ready = row.preparedMs === null ? null : row.nodeStartedAt + row.preparedMs;
  return {
    allocationId: row.id,
    slurmWaitMs: between(row.submittedAt, row.nodeStartedAt),
    prepareMs: row.preparedMs,
    imageMs: row.imageMs,
    dockerMs: row.dockerMs,
    claimMs: between(ready, row.firstClaimedAt),
    onlineMs: between(row.firstClaimedAt, earliest(runner?.onlineAt ?? null, row.startedAt)),
    jobMs: between(row.startedAt, row.endedAt),
  };
}

const earliest = (...times: readonly (number | null)[]): number | null => {
  const known = times.filter((atMs) => atMs !== null);
  return known.length === 0 ? null : Math.min(...known);
};

/** Not negative: a job may start before Slurm's answer to its submit is written. */
const between = (fromMs: number | null, toMs: number | null): number | null =>
  fromMs === null || toMs === null ? null : Math.max(0, toMs - fromMs);
