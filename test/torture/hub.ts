/** GitHub's side: what users, administrators, other runners and GitHub itself do there. */
import { config, repository } from '../controller/controller-config.ts';
import type { SimulatedJob } from '../simulator/simulator-state.ts';
import { stepMs, type World } from './world.ts';

export class Hub {
  readonly #world: World;
  readonly #stolen: { readonly job: SimulatedJob; readonly untilMs: number }[] = [];
  /** Monotonic time at which each lag ends, by job. */
  readonly #lagging = new Map<number, number>();

  constructor(world: World) {
    this.#world = world;
  }

  queue(count: number, labels: readonly string[] = ['slurm-small']): SimulatedJob[] {
    const specs = Array.from({ length: count }, (_, index) => ({ name: `job-${index}`, labels }));
    const { state } = this.#world.github;
    return state.jobsOf(state.createRun(repository, 'build', specs));
  }

  /** Somebody else's runner takes the oldest queued job, and does it in half a minute. */
  stealJob(): void {
    const { github, clock } = this.#world;
    const { state } = github;
    const thief = state.addRunner(repository, `thief-${state.runners.size}-${clock.monotonicMs()}`, [
      ...config.profiles.keys(),
    ]);
    const job = thief === null ? null : state.take(thief);
    if (thief !== null && job === null) state.removeRunner(thief, 'nothing to steal');
    if (job !== null) this.#stolen.push({ job, untilMs: clock.monotonicMs() + 30_000 });
  }

  /** The oldest job that is not over is cancelled. */
  cancelOldest(): void {
    const { state } = this.#world.github;
    const job = [...state.jobs.values()].find(
      ({ status, labels }) => status !== 'completed' && this.#world.labels.includes(labels[0] ?? ''),
    );
    if (job !== undefined) state.cancelJob(job);
  }

  /** The oldest run that is over is run again. */
  rerun(): void {
    const { state } = this.#world.github;
    const run = [...state.runs.values()].find((candidate) => state.statusOf(candidate) === 'completed');
    if (run !== undefined) state.rerun(run);
  }

  /** GitHub's lists go on showing the job as it is now, for so many steps of five seconds. */
  lag(job: SimulatedJob, steps: number): void {
    this.#world.github.lag(job);
    this.#lagging.set(job.id, this.#world.clock.monotonicMs() + steps * stepMs);
  }

  /** An administrator deletes a registration, and the runner does not notice. */
  deleteRunner(name: string): void {
    const { github, invariants, cluster } = this.#world;
    const runner = github.find(name);
    if (runner === undefined || runner.jobId !== null) return;
    invariants.waste.note(name, 'its registration was deleted by hand');
    github.state.removeRunner(runner, 'deleted by hand');
    cluster.hang(name);
  }

  /** GitHub drops the record of a job. */
  forgetJob(job: SimulatedJob): void {
    this.#world.github.drop(job);
    this.noteKnown();
  }

  /** What the service has down as queued, and GitHub has no record of, stands for one of the queue until two answers have lacked it. */
  noteKnown(): void {
    const { github, service } = this.#world;
    const queued = service.query<{ id: number; labels: string; misses: number }>(
      "select id, labels, misses from workflow_jobs where status = 'queued'",
    );
    github.setKnown(queued.map((row) => ({ ...row, labels: JSON.parse(row.labels) as string[] })));
  }

  /** A step of the world. */
  step(): void {
    const { github, clock, cluster, invariants } = this.#world;
    const { state } = github;
    // GitHub sees that nobody is at the other end any more.
    const held = cluster.heldRunners();
    for (const name of invariants.registrations()) {
      const runner = held.has(name) ? undefined : github.find(name);
      if (runner !== undefined) runner.online = false;
    }
    for (const { job } of this.#stolen.filter(({ untilMs }) => clock.monotonicMs() >= untilMs)) {
      state.complete(job, 'success');
    }
    for (const { job } of this.#stolen) {
      const runner = [...state.runners.values()].find(({ jobId }) => jobId === job.id);
      if (runner !== undefined) runner.lastSeenMs = clock.wallMs();
    }
    for (const [id, untilMs] of this.#lagging) {
      if (clock.monotonicMs() <= untilMs) continue;
      this.#lagging.delete(id);
      github.lagging.delete(id);
    }
  }
}
