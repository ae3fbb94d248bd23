/**
 * Each allocation that came to nothing has a reason among what has happened, and the reason is its own:
 *
 * - **a cause**: something was done to its Slurm job, its submit, its runner or its claim. It belongs to that allocation alone, and is gone
 *   with it;
 * - **a departure**: a queued job of its pool went otherwise than to a runner of ours that the service knows. It explains one allocation,
 *   and only one that was made before the service had been shown that the job was gone. A job that went to a runner of ours, and
 *   that GitHub goes on showing in the queue for longer than its lists lag, is one, too.
 *
 * So what went wrong early explains nothing that is made later: allocations are counted one by one, as they end.
 */
import type { SimulatedJob } from '../simulator/simulator-state.ts';
import { slurmJobNameOf } from '../support/slurm-job-name-of.ts';

export interface EndedRow {
  readonly name: string;
  readonly profile: string;
  readonly outcome: string;
  readonly reason: string | null;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  readonly endedAt: number;
}

interface Surroundings {
  readonly jobs: () => Iterable<SimulatedJob>;
  /** An allocation with this Slurm job name is in the database. */
  readonly isKnown: (slurmJobName: string) => boolean;
  readonly isLagging: (jobId: number) => boolean;
  readonly wallMs: () => number;
}

interface Departure {
  readonly jobId: number;
  readonly label: string;
  readonly atMs: number;
  /** When a whole answer of GitHub first had it; null before. */
  shownMs: number | null;
}

/** GitHub's lists lag by so much, and a start that nobody confirms for longer is taken for none. */
const lagWindowMs = 15_000;

/** Outcomes that only a record which Slurm has lost explains. */
const goneOutcomes: ReadonlySet<string> = new Set(['slurm:GONE', 'slurm:LOST']);

export class Waste {
  readonly #world: Surroundings;
  readonly #causes = new Map<string, string>();
  readonly #forgotten = new Set<string>();
  readonly #queued = new Map<number, string>();
  readonly #departures: Departure[] = [];
  /** Jobs that a runner of ours has, and that GitHub still shows in the queue. */
  #served: Departure[] = [];
  /** When a submit of a pool was last refused: the service does not send those that wait beside it. */
  readonly #refusedMs = new Map<string, number>();

  constructor(world: Surroundings) {
    this.#world = world;
  }

  /** `slurmJobName` may be the name of a runner of it, too. */
  note(slurmJobName: string, cause: string): void {
    this.#causes.set(/^[^-]+-[^-]+-[^-]+/.exec(slurmJobName)?.[0] ?? slurmJobName, cause);
  }

  /** Slurm has lost its record. */
  noteForgotten(slurmJobName: string): void {
    this.note(slurmJobName, 'Slurm has lost its record');
    this.#forgotten.add(slurmJobName);
  }

  /** Jobs come into the queue, and go. */
  look(): void {
    const open = new Map(this.#queued);
    for (const job of this.#world.jobs()) {
      open.delete(job.id);
      if (job.status === 'queued') this.#queued.set(job.id, job.labels[0] ?? '');
      else if (this.#queued.has(job.id)) this.#leave(job.id, job.runnerName);
    }
    // GitHub has dropped its record.
    for (const id of open.keys()) this.#leave(id, null);
    this.#lookAtLags();
  }

  /** GitHub makes a whole answer. @returns what is to be told when that has reached the service. */
  noteShown(): () => void {
    this.look();
    const shown = this.#departures.filter(({ jobId }) => !this.#world.isLagging(jobId));
    return () => {
      const nowMs = this.#world.wallMs();
      for (const departure of shown) departure.shownMs ??= nowMs;
    };
  }

  /** @returns what does not hold. `rows` have ended since the last check. */
  check(rows: readonly EndedRow[]): string[] {
    this.look();
    if (rows.length === 0) return [];
    const ran = new Set<string>();
    for (const { runnerName } of this.#world.jobs())
      if (runnerName !== null) ran.add(slurmJobNameOf(runnerName));
    return rows.flatMap((row) => {
      const gone =
        goneOutcomes.has(row.outcome) && !this.#forgotten.has(row.name)
          ? [`${row.name} was given up for ${row.outcome}, and Slurm has not lost it`]
          : [];
      if (!ran.has(row.name) && !this.#explains(row))
        gone.push(`${row.name} came to nothing (${row.outcome}: ${row.reason}), and nothing explains it`);
      this.#causes.delete(row.name);
      return gone;
    });
  }

  #lookAtLags(): void {
    const lagging = this.#served.filter(({ jobId }) => this.#world.isLagging(jobId));
    const sinceMs = this.#world.wallMs() - lagWindowMs;
    this.#departures.push(...lagging.filter(({ atMs }) => atMs <= sinceMs));
    this.#served = lagging.filter(({ atMs }) => atMs > sinceMs);
  }

  #leave(jobId: number, runnerName: string | null): void {
    const label = this.#queued.get(jobId) ?? '';
    this.#queued.delete(jobId);
    const departure = { jobId, label, atMs: this.#world.wallMs(), shownMs: null };
    const isServed = runnerName !== null && this.#world.isKnown(slurmJobNameOf(runnerName));
    if (!isServed) this.#departures.push(departure);
    else if (this.#world.isLagging(jobId)) this.#served.push(departure);
  }

  #explains(row: EndedRow): boolean {
    const { name, profile, outcome, createdAt, endedAt } = row;
    if (outcome === 'submit-refused' && this.#causes.has(name)) this.#refusedMs.set(profile, endedAt);
    if (this.#causes.has(name)) return true;
    if (outcome === 'submit-refused' && (this.#refusedMs.get(profile) ?? 0) >= createdAt) return true;
    const departed = this.#departures.findIndex(
      ({ label, atMs, shownMs }) =>
        label === profile && atMs <= endedAt && (shownMs === null || shownMs > createdAt),
    );
    if (departed === -1) return false;
    this.#departures.splice(departed, 1);
    return true;
  }
}
