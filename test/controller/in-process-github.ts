/** The simulator's GitHub without HTTP, so that it runs on a virtual clock. */
import type {
  DeregisterResult,
  GitHubPort,
  KnownWork,
  RegisteredRunner,
  RepositoryObservation,
} from '../../src/controller/ports.ts';
import { GitHubError } from '../../src/domain/errors.ts';
import type { WorkflowJob } from '../../src/domain/workflow-job.ts';
import { type SimulatedJob, type SimulatedRunner, SimulatorState } from '../simulator/simulator-state.ts';
import { CallFaults } from './call-faults.ts';

export const gitHubFailures = {
  unavailable: () =>
    new GitHubError('GitHub is in trouble', { kind: 'unavailable', status: 502, notCreated: false }),
  refusedToken: () =>
    new GitHubError('GitHub refuses the token', { kind: 'auth', status: 401, notCreated: true }),
  forbidden: () =>
    new GitHubError('GitHub shows nothing there', { kind: 'forbidden', status: 403, notCreated: true }),
  /** A runner of that name exists: that of an answer that was lost, for all that is known. */
  conflict: () =>
    new GitHubError('A runner of that name exists', { kind: 'conflict', status: 409, notCreated: false }),
  invalid: () =>
    new GitHubError('GitHub refuses a request', { kind: 'refused', status: 422, notCreated: true }),
  rateLimited: () =>
    new GitHubError('rate limit', {
      kind: 'rate-limited',
      status: 403,
      notCreated: true,
      retryAfterMs: 30_000,
    }),
};

export class InProcessGitHub implements GitHubPort {
  readonly state: SimulatorState;
  readonly faults = new CallFaults<'observe' | 'mint' | 'deregister' | 'runners' | 'runner'>();
  /** Jobs that listings do not show yet as they are: GitHub's lists lag. */
  readonly lagging: Map<number, WorkflowJob>;
  /** Names of mints that took effect after their caller had given up: nobody has what it takes to use them. */
  readonly lateMints = new Set<string>();
  /** Labels of jobs that are known as queued and whose record GitHub has dropped, and the whole answers since: it takes two to be its word. */
  readonly #dropped = new Map<number, { readonly labels: readonly string[]; answers: number }>();
  #hasLacked = false;
  jitConfigOf = (name: string): string => `jit of ${name}`;
  /** Told of each deletion when it is asked for. */
  onDeregister: (name: string) => void = () => undefined;
  /** Told of each mint when it is asked for, and when it is over. */
  onMint: (name: string, labels: readonly string[]) => void = () => undefined;
  onMintEnd: (name: string) => void = () => undefined;
  /**
   * Told of each observation that is asked for. What this returns is told when GitHub makes a whole answer, and what that returns when it
   * has reached who asked.
   */
  onAsk: () => () => () => void = () => () => () => undefined;

  /** `same`: the GitHub that another service talks to as well; its calls go wrong by themselves. */
  constructor(wallMs: () => number, same?: InProcessGitHub) {
    this.state = same?.state ?? new SimulatorState({ wallMs, lostAfterMs: 600_000 });
    this.lagging = same?.lagging ?? new Map();
  }

  async observe(repository: string, known: KnownWork): Promise<RepositoryObservation> {
    const shown = this.onAsk();
    let reached = (): void => undefined;
    const observation = await this.faults.meet('observe', repository, (isPartial) => {
      const { state } = this;
      // What one answer lacks the next one has: 404 twice in a row is GitHub's word that a job is gone.
      const lacks = isPartial && !this.#hasLacked;
      this.#hasLacked = lacks;
      if (!lacks) reached = shown();
      const runs = [...state.runs.values()].filter((run) => run.repository === repository);
      const listed = runs.filter(
        (run) => state.statusOf(run) !== 'completed' || known.runIds.includes(run.id),
      );
      const all = listed.flatMap((run) => state.jobsOf(run)).map((job) => this.#shown(job));
      const jobs = lacks ? all.slice(0, all.length / 2) : all;
      const seen = new Set(jobs.map((job) => job.id));
      const lacking = known.openJobs.filter(({ id }) => !seen.has(id));
      const notFound = new Set(lacks ? lacking.map(({ id }) => id) : []);
      const found = lacking
        .flatMap(({ id }) => (notFound.has(id) ? [] : (state.jobs.get(id) ?? [])))
        .map((job) => this.#shown(job));
      return {
        repository,
        jobs: [...jobs, ...found],
        runs: listed.map((run) => ({ id: run.id, completed: state.statusOf(run) === 'completed' })),
        missingJobIds: lacking.map(({ id }) => id).filter((id) => notFound.has(id) || !state.jobs.has(id)),
      };
    });
    reached();
    return observation;
  }

  /** GitHub drops the record of a job. */
  drop(job: SimulatedJob): void {
    this.state.jobs.delete(job.id);
    this.lagging.delete(job.id);
  }

  /** Who asks has these down as queued, and has missed each so often: GitHub has no record of some of them. */
  setKnown(
    known: readonly { readonly id: number; readonly labels: readonly string[]; readonly misses: number }[],
  ): void {
    this.#dropped.clear();
    for (const { id, labels, misses } of known)
      if (!this.state.jobs.has(id)) this.#dropped.set(id, { labels: labels.slice(0, 1), answers: misses });
  }

  mint(
    repository: string,
    { name, labels }: { readonly name: string; readonly labels: readonly string[] },
  ): Promise<{ runnerId: number; jitConfig: string }> {
    this.onMint(name, labels);
    if (this.faults.next('mint')?.kind === 'late') this.lateMints.add(name);
    const minted = this.faults.meet('mint', name, () => {
      const runner = this.state.addRunner(repository, name, labels);
      if (runner === null) {
        throw new GitHubError('A runner of that name exists', {
          kind: 'conflict',
          status: 409,
          notCreated: false,
        });
      }
      return { runnerId: runner.id, jitConfig: this.jitConfigOf(name) };
    });
    return minted.finally(() => this.onMintEnd(name));
  }

  deregister(
    repository: string,
    { id, name }: { readonly id: number | null; readonly name: string },
  ): Promise<DeregisterResult> {
    this.onDeregister(name);
    return this.faults.meet('deregister', name, () => {
      const runner = id === null ? this.find(name) : this.state.runners.get(id);
      if (runner?.scope !== repository) return 'gone';
      if (runner.jobId !== null) return 'busy';
      this.state.removeRunner(runner, 'deleted');
      return 'gone';
    });
  }

  runners(repository: string): Promise<readonly RegisteredRunner[]> {
    return this.faults.meet('runners', repository, (isPartial) => {
      const listed = [...this.state.runners.values()]
        .filter(({ scope }) => scope === repository)
        .map(registered);
      return isPartial ? listed.slice(0, listed.length / 2) : listed;
    });
  }

  runner(repository: string, name: string): Promise<RegisteredRunner | null> {
    return this.faults.meet('runner', name, () => {
      const runner = this.find(name);
      return runner?.scope === repository ? registered(runner) : null;
    });
  }

  pollDelayMs(leastMs: number): number {
    return leastMs;
  }

  rateLimit(): null {
    return null;
  }

  find(name: string): SimulatedRunner | undefined {
    return [...this.state.runners.values()].find((runner) => runner.name === name);
  }

  /** Listings go on showing the job as it is now. */
  lag(job: SimulatedJob): void {
    this.lagging.set(job.id, toWorkflowJob(job));
  }

  /** Labels of each job that listings show as queued, or have shown so and do not lack for certain. `inAnswer`: when the one that is made now arrives. */
  queuedLabels(inAnswer = false): string[] {
    const shown = [...this.state.jobs.values()].flatMap((job) =>
      (this.lagging.get(job.id) ?? job).status === 'queued' ? job.labels.slice(0, 1) : [],
    );
    const doubted = [...this.#dropped.values()].filter(({ answers }) => !inAnswer || answers === 0);
    return [...shown, ...doubted.flatMap(({ labels }) => labels)];
  }

  /** Even the answer that is made now does not say what has become of this job. */
  isBehind(jobId: number): boolean {
    return this.lagging.has(jobId) || this.#dropped.get(jobId)?.answers === 0;
  }

  /** A whole answer has reached who asked, and was written down. */
  countAnswer(): void {
    for (const [id, dropped] of this.#dropped) {
      dropped.answers += 1;
      if (dropped.answers === 2) this.#dropped.delete(id);
    }
  }

  #shown(job: SimulatedJob): WorkflowJob {
    return this.lagging.get(job.id) ?? toWorkflowJob(job);
  }
}

function registered({ id, name, online, jobId, labels }: SimulatedRunner): RegisteredRunner {
  return { id, name, online, busy: jobId !== null, labels };
}

function toWorkflowJob(job: SimulatedJob): WorkflowJob {
  return {
    id: job.id,
    runId: job.runId,
    runAttempt: job.attempt,
    repository: job.repository,
    name: job.name,
    workflowName: 'build',
    labels: job.labels,
    status: job.status,
    conclusion: job.conclusion,
    runnerName: job.runnerName,
    createdAtMs: job.createdAtMs,
    startedAtMs: job.startedAtMs,
    completedAtMs: job.completedAtMs,
  };
}
