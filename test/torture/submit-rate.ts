/** Submits are bounded by the minute, whatever loop the service is in, and however often it starts: two for each job, and a few more. */
import type { SimulatedJob } from '../simulator/simulator-state.ts';

const minuteMs = 60_000;
const spare = 10;

export class SubmitRate {
  /** Monotonic times, by label. */
  readonly #submits = new Map<string, number[]>();

  /** The database is another one, which knows of no submit before. */
  noteRestore(): void {
    this.#submits.clear();
  }

  /** Submits of this label within the last minute. */
  recent(label: string, nowMs: number): number {
    return (this.#submits.get(label) ?? []).filter((atMs) => atMs > nowMs - minuteMs).length;
  }

  /** `jobs` are all that GitHub has. @returns what is wrong with one more submit, or null. */
  note(label: string, jobs: Iterable<SimulatedJob>, nowMs: number): string | null {
    const sinceMs = nowMs - minuteMs;
    const submits = [...(this.#submits.get(label) ?? []).filter((atMs) => atMs > sinceMs), nowMs];
    this.#submits.set(label, submits);
    const recent = [...jobs].filter(
      (job) =>
        job.labels.includes(label) && (job.status === 'queued' || (job.completedAtMs ?? nowMs) > sinceMs),
    );
    return submits.length > 2 * recent.length + spare
      ? `${submits.length} submits for ${label} in a minute, and ${recent.length} jobs`
      : null;
  }
}
