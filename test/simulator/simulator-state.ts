/**
 * GitHub as far as it matters here: repositories with runs and jobs, registered runners, and who took what. Nothing binds a
 * runner to a job: any idle runner gets the oldest queued job whose labels are all among its own.
 */
import { randomBytes } from 'node:crypto';

export type JobStatus = 'queued' | 'in_progress' | 'completed' | 'waiting';

export interface SimulatedJob {
  readonly id: number;
  readonly runId: number;
  readonly repository: string;
  readonly name: string;
  readonly labels: readonly string[];
  readonly commands: string;
  readonly needs: readonly string[];
  readonly attempt: number;
  readonly createdAtMs: number;
  status: JobStatus;
  conclusion: string | null;
  runnerId: number | null;
  runnerName: string | null;
  startedAtMs: number | null;
  completedAtMs: number | null;
  /** The user has asked for it, and the runner has not ended it yet. */
  cancelRequested: boolean;
}

export interface SimulatedRun {
  readonly id: number;
  readonly repository: string;
  readonly workflow: string;
  readonly number: number;
  readonly createdAtMs: number;
  attempt: number;
  updatedAtMs: number;
  specs: readonly JobSpec[];
}

export interface JobSpec {
  readonly name: string;
  readonly labels: readonly string[];
  /** Bash; default: nothing, with success. */
  readonly commands?: string | undefined;
  /** Names of jobs of the run that have to succeed before this one is queued. */
  readonly needs?: readonly string[] | undefined;
}

export interface SimulatedRunner {
  readonly id: number;
  readonly name: string;
  readonly scope: string;
  readonly labels: readonly string[];
  readonly secret: string;
  online: boolean;
  jobId: number | null;
  lastSeenMs: number;
}

export interface SimulatorEvent {
  readonly atMs: number;
  readonly kind: string;
  readonly jobId?: number;
  readonly runner?: string;
  readonly detail?: string;
}

export interface StateOptions {
  readonly wallMs: () => number;
  /** A busy runner that is silent for this long has lost its job. GitHub takes ten minutes. */
  readonly lostAfterMs: number;
}

/** Ids as they are today: beyond 2^32. */
const firstRunId = 17_000_000_001;
const firstJobId = 100_000_000_001;

export class SimulatorState {
  readonly runs = new Map<number, SimulatedRun>();
  readonly jobs = new Map<number, SimulatedJob>();
  readonly runners = new Map<number, SimulatedRunner>();
  readonly events: SimulatorEvent[] = [];
  readonly repositories = new Set<string>();
  readonly #options: StateOptions;
  #nextRun = firstRunId;
  #nextJob = firstJobId;
  #nextRunner = 1;
  /** Called when a job may have become takeable. */
  onChange: () => void = () => undefined;

  constructor(options: StateOptions) {
    this.#options = options;
  }

  now(): number {
    return this.#options.wallMs();
  }

  createRun(repository: string, workflow: string, specs: readonly JobSpec[]): SimulatedRun {
    this.repositories.add(repository);
    const now = this.now();
    const run: SimulatedRun = {
      id: this.#nextRun++,
      repository,
      workflow,
      number: this.runs.size + 1,
      createdAtMs: now,
      attempt: 1,
      updatedAtMs: now,
      specs,
    };
    this.runs.set(run.id, run);
    this.#queueReady(run);
    return run;
  }

  /** Jobs of the latest attempt, in the order of their making. */
  jobsOf(run: SimulatedRun, all = false): SimulatedJob[] {
    return [...this.jobs.values()].filter(
      (job) => job.runId === run.id && (all || job.attempt === run.attempt),
    );
  }

  /** A run's status is that of its least advanced job. */
  statusOf(run: SimulatedRun): JobStatus {
    const statuses = this.jobsOf(run).map((job) => job.status);
    if (run.specs.length === 0) return 'queued';
    if (statuses.includes('queued')) return 'queued';
    if (statuses.some((status) => status === 'in_progress')) return 'in_progress';
    return statuses.length < run.specs.length &&
      statuses.every((status) => status === 'completed') &&
      !this.#isOver(run)
      ? 'in_progress'
      : 'completed';
  }

  conclusionOf(run: SimulatedRun): string | null {
    if (this.statusOf(run) !== 'completed') return null;
    const conclusions = this.jobsOf(run).map((job) => job.conclusion);
    for (const worst of ['cancelled', 'failure']) if (conclusions.includes(worst)) return worst;
    return 'success';
  }

  /** False when the name is taken. */
  addRunner(scope: string, name: string, labels: readonly string[]): SimulatedRunner | null {
    if ([...this.runners.values()].some((runner) => runner.scope === scope && runner.name === name))
      return null;
    const runner: SimulatedRunner = {
      id: this.#nextRunner++,
      name,
      scope,
      labels,
      secret: randomBytes(24).toString('hex'),
      online: false,
      jobId: null,
      lastSeenMs: this.now(),
    };
    this.runners.set(runner.id, runner);
    this.note('runner registered', { runner: name });
    return runner;
  }

  removeRunner(runner: SimulatedRunner, why: string): void {
    this.runners.delete(runner.id);
    this.note('runner gone', { runner: runner.name, detail: why });
    this.onChange();
  }

  /** The oldest queued job that the runner may take, taken; null when there is none. */
  take(runner: SimulatedRunner): SimulatedJob | null {
    if (runner.jobId !== null) return this.jobs.get(runner.jobId) ?? null;
    const own = new Set(runner.labels.map((label) => label.toLowerCase()));
    const job = [...this.jobs.values()].find(
      (candidate) =>
        candidate.status === 'queued' &&
        this.#serves(runner, candidate.repository) &&
        candidate.labels.every((label) => own.has(label.toLowerCase())),
    );
    if (job === undefined) return null;
    job.status = 'in_progress';
    job.startedAtMs = this.now();
    job.runnerId = runner.id;
    job.runnerName = runner.name;
    runner.jobId = job.id;
    this.#touch(job);
    this.note('job started', { jobId: job.id, runner: runner.name });
    return job;
  }

  complete(job: SimulatedJob, conclusion: string): void {
    if (job.status === 'completed') return;
    job.status = 'completed';
    job.conclusion = conclusion;
    job.completedAtMs = this.now();
    this.note('job completed', {
      jobId: job.id,
      detail: conclusion,
      ...(job.runnerName === null ? {} : { runner: job.runnerName }),
    });
    const runner = job.runnerId === null ? undefined : this.runners.get(job.runnerId);
    if (runner?.jobId === job.id) this.removeRunner(runner, 'its job is over');
    this.#touch(job);
    const run = this.runs.get(job.runId);
    if (run !== undefined) this.#queueReady(run);
    this.onChange();
  }

  cancelJob(job: SimulatedJob): void {
    if (job.status === 'completed') return;
    job.cancelRequested = true;
    if (job.status !== 'in_progress') this.complete(job, 'cancelled');
  }

  rerun(run: SimulatedRun): void {
    run.attempt += 1;
    run.updatedAtMs = this.now();
    this.note('run started again', { detail: String(run.id) });
    this.#queueReady(run);
  }

  /** Busy runners that have gone silent lose their job, as after a crash of their node. */
  loseSilent(): void {
    for (const runner of this.runners.values()) {
      const job = runner.jobId === null ? undefined : this.jobs.get(runner.jobId);
      if (job !== undefined && this.now() - runner.lastSeenMs > this.#options.lostAfterMs) {
        this.note('runner lost', { runner: runner.name, jobId: job.id });
        this.complete(job, 'failure');
      }
    }
  }

  note(kind: string, about: Omit<SimulatorEvent, 'atMs' | 'kind'> = {}): void {
    this.events.push({ atMs: this.now(), kind, ...about });
  }

  #serves(runner: SimulatedRunner, repository: string): boolean {
    return runner.scope === repository || repository.startsWith(`${runner.scope}/`);
  }

  /** Jobs of later stages are made when those that they need have succeeded; they are skipped when one has not. */
  #queueReady(run: SimulatedRun): void {
    const made = new Map(this.jobsOf(run).map((job) => [job.name, job]));
    let settled = true;
    for (const spec of run.specs) {
      if (made.has(spec.name)) continue;
      const needs = (spec.needs ?? []).map((name) => made.get(name));
      if (needs.some((job) => job?.status !== 'completed')) continue;
      const skipped = needs.some((job) => job?.conclusion !== 'success');
      const job = this.#createJob(run, spec);
      if (skipped) {
        job.status = 'completed';
        job.conclusion = 'skipped';
        job.completedAtMs = this.now();
        settled = false;
      } else this.note('job queued', { jobId: job.id });
      made.set(spec.name, job);
    }
    // A job that was skipped may be needed by one that was looked at before it.
    if (settled) this.onChange();
    else this.#queueReady(run);
  }

  #isOver(run: SimulatedRun): boolean {
    const made = this.jobsOf(run);
    return made.length === run.specs.length && made.every((job) => job.status === 'completed');
  }

  #createJob(run: SimulatedRun, spec: JobSpec): SimulatedJob {
    const job: SimulatedJob = {
      id: this.#nextJob++,
      runId: run.id,
      repository: run.repository,
      name: spec.name,
      labels: spec.labels,
      commands: spec.commands ?? 'true',
      needs: spec.needs ?? [],
      attempt: run.attempt,
      createdAtMs: this.now(),
      status: 'queued',
      conclusion: null,
      runnerId: null,
      runnerName: null,
      startedAtMs: null,
      completedAtMs: null,
      cancelRequested: false,
    };
    this.jobs.set(job.id, job);
    return job;
  }

  #touch(job: SimulatedJob): void {
    const run = this.runs.get(job.runId);
    if (run !== undefined) run.updatedAtMs = this.now();
  }
}
