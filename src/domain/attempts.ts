/**
 * How often an allocation is made for one workflow job. GitHub decides which job a runner gets, so none is bound to its job; but each is
 * made on behalf of one, and those that started nothing count against it. At `limits.maxAttempts` the job rests, and is
 * tried once after each growing interval: a job that nothing can serve costs a few Slurm jobs a day, not one a poll.
 */
import type { Outcome } from './allocation-state.ts';

/**
 * Ends that are no attempt: nobody wanted it any more, or there never was a Slurm job of ours to say anything about. All others count
 * alike, a preemption, a cancel by hand and a node that fails too: which end is the job's own fault nobody can tell, and
 * each has cost a Slurm job.
 */
export const noAttempt = ['surplus', 'submit-refused', 'submit-lost'] as const satisfies readonly Outcome[];

export interface FailedAttempts {
  readonly count: number;
  /** Milliseconds since the Unix epoch. */
  readonly lastEndedMs: number;
}

const firstRestMs = 10 * 60_000;
const longestRestMs = 6 * 3_600_000;

/** How long a job rests after so many failed attempts, in milliseconds: ten minutes, twenty, and so on up to six hours. */
export function restMs(failed: number, maxAttempts: number): number {
  return failed < maxAttempts ? 0 : Math.min(longestRestMs, firstRestMs * 2 ** (failed - maxAttempts));
}

/**
 * Whether nothing may be submitted for a job now. `underWay` are allocations of its that are no supply any more, and have not
 * ended or may yet be proven to have started a job: they count as failed until that is known, so that the cap is exact.
 */
export function mustRest(
  failed: FailedAttempts | undefined,
  underWay: number,
  maxAttempts: number,
  nowMs: number,
): boolean {
  const { count, lastEndedMs } = failed ?? { count: 0, lastEndedMs: 0 };
  if (count + underWay < maxAttempts) return false;
  return underWay > 0 || nowMs < lastEndedMs + restMs(count, maxAttempts);
}
