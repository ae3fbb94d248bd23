/** The service, GitHub, Slurm and the nodes in one process, on one clock; and what must hold whatever happens to them. */
import { copyFileSync, rmSync } from 'node:fs';
import type { ControllerConfig } from '../../src/controller/context.ts';
import type { Controller } from '../../src/controller/create-controller.ts';
import { type AllocationState, mayMove } from '../../src/domain/allocation-state.ts';
import { openStore } from '../../src/store/open-store.ts';
import { config, repository } from '../controller/controller-config.ts';
import { InProcessGitHub } from '../controller/in-process-github.ts';
import { type InProcessJob, InProcessSlurm } from '../controller/in-process-slurm.ts';
import type { SimulatedJob } from '../simulator/simulator-state.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { ClusterNode } from './cluster-node.ts';
import { History } from './history.ts';
import { type Crashes, noCrashes, ServiceProcess } from './service-process.ts';

export interface WorldOptions {
  /** A migrated, empty database. */
  readonly template: string;
  readonly databaseFile: string;
  readonly crashes?: Crashes;
  /** Slurm jobs that may run at once. */
  readonly slots?: number;
  readonly config?: Partial<ControllerConfig>;
}

const stepMs = 5_000;
/** Supply may exceed what is queued now by what was queued this long ago. */
const windowMs = 10 * 60_000;
const quietSteps = 3_000;

export class World {
  readonly clock = new VirtualClock();
  readonly slurm = new InProcessSlurm();
  readonly github: InProcessGitHub;
  readonly history = new History();
  readonly defects: string[] = [];
  readonly #options: WorldOptions;
  readonly #nodes = new Map<number, ClusterNode>();
  readonly #demand: { readonly atMs: number; readonly queued: Readonly<Record<string, number>> }[] = [];
  #process: ServiceProcess | null = null;
  readonly #stolen: { readonly job: SimulatedJob; readonly untilMs: number }[] = [];
  readonly #lagging = new Map<number, number>();
  #answersToLose = 0;
  #runnersToBreak = 0;
  slots: number;
  /** GitHub gives nothing to any runner. */
  withholdsJobs = false;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.slots = options.slots ?? 4;
    this.github = new InProcessGitHub(() => this.clock.wallMs());
    this.github.state.repositories.add(repository);
    copyFileSync(options.template, options.databaseFile);
    this.#watchCancels();
  }

  get process(): ServiceProcess | null {
    return this.#process;
  }

  start(): void {
    if (this.#process !== null) return;
    try {
      this.#process = new ServiceProcess({
        databaseFile: this.#options.databaseFile,
        config: { ...config, ...this.#options.config },
        clock: this.clock,
        slurm: this.slurm,
        github: this.github,
        crashes: this.#options.crashes ?? noCrashes,
        defects: this.defects,
      });
    } catch (error) {
      // It died at a point of its own start.
      if ((error as Error).name !== 'Died') throw error;
    }
  }

  kill(): void {
    this.#process?.die();
    this.#process?.close();
    this.#process = null;
  }

  queue(count: number, labels: readonly string[] = ['slurm-small']): SimulatedJob[] {
    const specs = Array.from({ length: count }, (_, index) => ({ name: `job-${index}`, labels }));
    return this.github.state.jobsOf(this.github.state.createRun(repository, 'build', specs));
  }

  /** The next so many answers and reports between a node and the service are lost. */
  loseAnswers(count: number): void {
    this.#answersToLose = count;
  }

  /** The next so many runners that are started die at once, and their batch script waits for them for ever. */
  breakRunners(count: number): void {
    this.#runnersToBreak = count;
  }

  breaksRunner(): boolean {
    if (this.#runnersToBreak === 0) return false;
    this.#runnersToBreak -= 1;
    return true;
  }

  losesAnswers(): boolean {
    if (this.#answersToLose === 0) return false;
    this.#answersToLose -= 1;
    return true;
  }

  jobTimeMs(): number {
    return 20_000;
  }

  async ask<T>(question: (controller: Controller) => Promise<T> | T): Promise<T | null> {
    return this.#process === null ? null : this.#process.ask(question);
  }

  /** Five seconds: the service looks at both sides, Slurm starts what has room, every node does one thing. */
  async step(ms = stepMs): Promise<void> {
    this.clock.advance(ms);
    if (this.#process?.dead === true) this.kill();
    this.#moveOthers();
    this.#noteDemand();
    this.#schedule();
    await this.#process?.tick();
    for (const node of this.#nodes.values()) await node.step();
    this.github.state.loseSilent();
    this.#noteDemand();
    this.#check();
  }

  /** No more trouble: everything that is queued gets done, and nothing is left. */
  async quiet(): Promise<void> {
    this.slurm.faults.clear();
    this.github.faults.clear();
    this.github.lagging.clear();
    this.#answersToLose = 0;
    this.withholdsJobs = false;
    this.slots = Math.max(this.slots, 4);
    for (let steps = 0; steps < quietSteps; steps += 1) {
      if (this.#process === null || this.#process.dead) {
        this.kill();
        this.start();
      }
      await this.step(steps < 40 ? stepMs : 30_000);
      if (this.#isQuiet()) break;
    }
    this.#checkEnd();
  }

  end(): void {
    this.kill();
    for (const suffix of ['', '-wal', '-shm', '.lock'])
      rmSync(this.#options.databaseFile + suffix, { force: true });
  }

  #schedule(): void {
    const running = [...this.slurm.jobs.values()].filter((job) => job.states[0] === 'RUNNING').length;
    const waiting = [...this.slurm.jobs.values()].filter((job) => job.states[0] === 'PENDING');
    for (const job of waiting.slice(0, Math.max(0, this.slots - running))) {
      this.slurm.start(job);
      this.#nodes.set(job.id, new ClusterNode(this, job));
    }
  }

  #openJobs(): SimulatedJob[] {
    return [...this.github.state.jobs.values()].filter((job) => job.status !== 'completed');
  }

  #noteDemand(): void {
    const atMs = this.clock.monotonicMs();
    const queued = Object.fromEntries([...config.profiles.keys()].map((label) => [label, 0]));
    for (const job of this.#openJobs()) {
      const [label = ''] = job.labels;
      if (job.status === 'queued') queued[label] = (queued[label] ?? 0) + 1;
    }
    this.#demand.push({ atMs, queued });
    while ((this.#demand[0]?.atMs ?? atMs) < atMs - windowMs) this.#demand.shift();
  }

  /** A Slurm job that works on a job is cancelled by nobody but its user. */
  #watchCancels(): void {
    const watch = (wanted: (job: InProcessJob) => boolean, what: string): void => {
      for (const job of [...this.slurm.jobs.values()].filter(wanted)) {
        const node = this.#nodes.get(job.id);
        const work = node?.workflowJob;
        if (job.states[0] === 'RUNNING' && work?.status === 'in_progress') {
          this.history.violate(`${what} cancelled the Slurm job ${job.id}, which works on job ${work.id}`);
        }
        const name = node?.runnerName;
        if (job.states[0] === 'RUNNING' && name != null && this.github.runner(name) !== undefined) {
          this.history.violate(
            `${what} cancelled the Slurm job ${job.id} while its runner ${name} is registered`,
          );
        }
      }
    };
    const { slurm } = this;
    const [cancel, cancelByName] = [slurm.cancel.bind(slurm), slurm.cancelByName.bind(slurm)];
    slurm.cancel = (ref) => {
      if (ref.name === '') this.history.violate('a cancel without a name');
      watch((job) => job.id === ref.id && job.name === ref.name, 'a cancel by id and name');
      return cancel(ref);
    };
    slurm.cancelByName = (name) => {
      watch((job) => job.name === name, 'a fence');
      return cancelByName(name);
    };
  }

  /** What holds at every moment. */
  #check(): void {
    const rows = this.#query<{ profile: string; count: number }>(
      "select profile, count(*) as count from allocations where state in ('submitting', 'pending', 'claimed') group by profile",
    );
    for (const label of config.profiles.keys()) {
      const peak = Math.max(...this.#demand.map(({ queued }) => queued[label] ?? 0));
      const idle = [...this.github.state.runners.values()].filter(
        ({ jobId, name, labels }) => jobId === null && name.startsWith('gha-') && labels.includes(label),
      ).length;
      if (idle > peak)
        this.history.violate(`${idle} idle registrations for ${label}, and ${peak} jobs were queued at most`);
      const waiting = rows.find(({ profile }) => profile === label)?.count ?? 0;
      if (waiting > peak)
        this.history.violate(
          `${waiting} allocations wait for ${label}, and ${peak} jobs were queued at most`,
        );
    }
    for (const defect of this.defects.splice(0)) this.history.violate(`a defect: ${defect}`);
  }

  #isQuiet(): boolean {
    return (
      this.#openJobs().length === 0 &&
      this.slurm.live().length === 0 &&
      this.#ours().length === 0 &&
      (this.#query<{ count: number }>("select count(*) as count from allocations where state <> 'ended'")[0]
        ?.count ?? 0) === 0
    );
  }

  #ours(): string[] {
    return [...this.github.state.runners.values()]
      .map(({ name }) => name)
      .filter((name) => name.startsWith('gha-'));
  }

  #checkEnd(): void {
    const { history } = this;
    for (const job of this.#openJobs()) history.violate(`job ${job.id} is still ${job.status}`);
    for (const job of this.slurm.live())
      history.violate(`Slurm job ${job.id} is left, ${job.states.join('+')}`);
    for (const name of this.#ours()) history.violate(`the registration ${name} is left`);
    for (const { id, state } of this.#query<{ id: string; state: string }>(
      "select id, state from allocations where state <> 'ended'",
    )) {
      history.violate(`the allocation ${id} is left, ${state}`);
    }
    const moves = this.#query<{ from_state: AllocationState | null; to_state: AllocationState }>(
      'select from_state, to_state from allocation_events',
    );
    for (const { from_state: from, to_state: to } of moves) {
      if (from !== null && !mayMove(from, to)) history.violate(`a move from ${from} to ${to}`);
    }
    const lost = [...this.github.state.jobs.values()].filter((job) => job.conclusion === 'failure');
    for (const job of lost)
      if (!this.mayFail.has(job.id)) history.violate(`job ${job.id} failed: its runner was lost`);
  }

  /** Somebody else's runner takes the oldest queued job, and does it in half a minute. */
  stealJob(): void {
    const { state } = this.github;
    const thief = state.addRunner(repository, `thief-${state.runners.size}-${this.clock.monotonicMs()}`, [
      ...config.profiles.keys(),
    ]);
    const job = thief === null ? null : state.take(thief);
    if (thief !== null && job === null) state.removeRunner(thief, 'nothing to steal');
    if (job !== null) this.#stolen.push({ job, untilMs: this.clock.monotonicMs() + 30_000 });
  }

  /** GitHub's lists go on showing the job as it is now, for so many steps. */
  lag(job: SimulatedJob, steps: number): void {
    this.github.lag(job);
    this.#lagging.set(job.id, steps);
  }

  #moveOthers(): void {
    for (const { job } of this.#stolen.filter(({ untilMs }) => this.clock.monotonicMs() >= untilMs)) {
      this.github.state.complete(job, 'success');
    }
    for (const { job } of this.#stolen) {
      const runner = [...this.github.state.runners.values()].find(({ jobId }) => jobId === job.id);
      if (runner !== undefined) runner.lastSeenMs = this.clock.wallMs();
    }
    for (const [id, steps] of this.#lagging) {
      if (steps > 0) this.#lagging.set(id, steps - 1);
      else {
        this.#lagging.delete(id);
        this.github.lagging.delete(id);
      }
    }
  }

  /** Jobs whose node a test took away: GitHub fails them. */
  readonly mayFail = new Set<number>();

  /** The node dies, and Slurm says so. */
  failNode(slurmJobId: number): void {
    const job = this.slurm.jobs.get(slurmJobId);
    const work = this.#nodes.get(slurmJobId)?.workflowJob;
    if (work != null) this.mayFail.add(work.id);
    if (job !== undefined) this.slurm.end(job, 'NODE_FAIL');
  }

  running(): readonly InProcessJob[] {
    return [...this.slurm.jobs.values()].filter((job) => job.states[0] === 'RUNNING');
  }

  /** Read by a connection of its own: the service may be dead. */
  #query<Row>(sql: string): Row[] {
    const process = this.#process;
    if (process !== null) return process.query<Row>(sql);
    const store = openStore({ path: this.#options.databaseFile, allowNetworkFileSystem: true });
    try {
      return store.db.all<Row>(sql);
    } finally {
      store.close();
    }
  }
}
