/** The service, GitHub, Slurm and the nodes in one process, on one clock; and what must hold whatever happens to them. */
import { copyFileSync, rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { ControllerConfig } from '../../src/controller/context.ts';
import type { Controller } from '../../src/controller/create-controller.ts';
import type { GitHubPort } from '../../src/controller/ports.ts';
import { repair, type WholeSlurm } from '../../src/controller/repair.ts';
import { GitHubError, SlurmError } from '../../src/domain/errors.ts';
import type { CallFault } from '../controller/call-faults.ts';
import { config, repository } from '../controller/controller-config.ts';
import { gitHubFailures, InProcessGitHub } from '../controller/in-process-github.ts';
import { type InProcessJob, InProcessSlurm, slurmFailures } from '../controller/in-process-slurm.ts';
import type { SimulatedJob } from '../simulator/simulator-state.ts';
import { flush } from '../support/flush.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { fewAttempts } from './attempts.ts';
import { ClusterNode } from './cluster-node.ts';
import { Invariants } from './invariants.ts';
import { type Crashes, MortalProcess, noCrashes, type Surroundings } from './mortal-process.ts';
import { RepeatableChance } from './repeatable-chance.ts';
import { ServiceProcess } from './service-process.ts';
import { Troubles } from './troubles.ts';

export type SlurmCall = keyof WholeSlurm;
export type GitHubCall = Exclude<keyof GitHubPort, 'pollDelayMs' | 'rateLimit'>;

export interface WorldOptions {
  /** A migrated, empty database. */
  readonly template: string;
  readonly databaseFile: string;
  readonly crashes?: Crashes;
  /** Slurm jobs that may run at once. */
  readonly slots?: number;
}

const stepMs = 5_000;
/** A call that took effect after its caller had given up did so within this many steps. */
const settleEvery = 3;
const quietSteps = 3_000;

export class World {
  readonly clock = new VirtualClock();
  readonly slurm = new InProcessSlurm();
  readonly github: InProcessGitHub;
  readonly invariants: Invariants;
  readonly defects: string[] = [];
  readonly #options: WorldOptions;
  readonly #nodes = new Map<number, ClusterNode>();
  #process: ServiceProcess | null = null;
  #reader: Database.Database | null = null;
  readonly #stolen: { readonly job: SimulatedJob; readonly untilMs: number }[] = [];
  readonly #lagging = new Map<number, number>();
  #refusals = 0;
  /** Steps that are left of them. */
  readonly #outages = new Map<{ outage: (() => Error) | null }, number>();
  readonly troubles = new Troubles();
  #hasBackup = false;
  readonly #chance = new RepeatableChance();
  #steps = 0;
  /** In place of the configuration that the tests of the controller have; read at each start. */
  #config: Partial<ControllerConfig> = {};
  #makeRoom: (() => void) | null = null;
  slots: number;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.slots = options.slots ?? 4;
    this.github = new InProcessGitHub(() => this.clock.wallMs());
    this.github.state.repositories.add(repository);
    copyFileSync(options.template, options.databaseFile);
    this.invariants = new Invariants({
      clock: this.clock,
      slurm: this.slurm,
      github: this.github,
      query: (sql, ...values) => this.#query(sql, ...values),
      nodeOf: (slurmJobId) => this.#nodes.get(slurmJobId),
    });
  }

  get process(): ServiceProcess | null {
    return this.#process;
  }

  start(): void {
    if (this.#process !== null) return;
    this.#closeReader();
    try {
      this.#process = new ServiceProcess(this.#surroundings());
      this.invariants.noteStart();
    } catch (error) {
      // It died at a point of its own start.
      if ((error as Error).name !== 'Died') throw error;
    }
  }

  kill(): void {
    // Whatever it was about to submit may be in doubt.
    if (this.#process !== null) this.invariants.excuses += this.invariants.openJobs().length;
    this.#process?.die();
    this.#process?.close();
    this.#process = null;
  }

  queue(count: number, labels: readonly string[] = ['slurm-small']): SimulatedJob[] {
    const specs = Array.from({ length: count }, (_, index) => ({ name: `job-${index}`, labels }));
    return this.github.state.jobsOf(this.github.state.createRun(repository, 'build', specs));
  }

  /** GitHub gives nothing to any runner: each idles out, and the next is tried, without end. */
  withholdJobs(on: boolean): void {
    this.troubles.withholdsJobs = on;
    if (on) this.invariants.excuses = Number.POSITIVE_INFINITY;
  }

  /** The next so many calls of that name to Slurm go wrong. */
  failSlurm(call: SlurmCall, fault: CallFault, times = 1): void {
    if (call === 'submit') this.invariants.excuses += times;
    this.slurm.faults.order(call, fault, times);
  }

  /** The next so many calls of that name to GitHub go wrong. */
  failGitHub(call: GitHubCall, fault: CallFault, times = 1): void {
    if (call === 'mint' || call === 'deregister') this.invariants.excuses += times;
    this.github.faults.order(call, fault, times);
  }

  /** Slurm answers nothing for so many steps: whatever waits then has been submitted, and nothing more is. */
  stopSlurm(steps: number): void {
    this.slurm.faults.outage = slurmFailures.timeout;
    this.#outages.set(this.slurm.faults, steps);
  }

  /** Slurm refuses every submit for so many steps: what is queued once, and then a try a pool after each growing interval. */
  refuseSubmits(steps: number): void {
    this.invariants.excuses += this.invariants.openJobs().length + 8 * config.profiles.size;
    this.slurm.partitions = new Set();
    this.#refusals = steps;
  }

  /** GitHub answers nothing for so many steps: each Slurm job may ask for its runner too often until it does again. */
  stopGitHub(steps: number): void {
    this.invariants.excuses += this.invariants.live().length;
    this.github.faults.outage = gitHubFailures.unavailable;
    this.#outages.set(this.github.faults, steps);
  }

  /** Slurm will never start it, for this reason; or has flagged it so. */
  spoil(job: InProcessJob, spoilt: { readonly reason?: string; readonly states?: readonly string[] }): void {
    this.invariants.excuses += 1;
    Object.assign(job, spoilt);
  }

  /** The next so many answers and reports between a node and the service are lost. */
  loseAnswers(count: number): void {
    this.invariants.excuses += count;
    this.troubles.lostAnswers.order(count);
  }

  /** The next so many runners that are started die at once, and their batch script waits for them for ever. */
  breakRunners(count: number): void {
    this.invariants.excuses += count;
    this.troubles.brokenRunners.order(count);
  }

  /** The next so many batch scripts find that their node can't run them. */
  lackOnNodes(count: number): void {
    this.invariants.excuses += count;
    this.troubles.unfitNodes.order(count);
  }

  async ask<T>(question: (controller: Controller) => Promise<T> | T): Promise<T | null> {
    return this.#process === null ? null : this.#process.ask(question);
  }

  /** Five seconds: the service looks at both sides, Slurm starts what has room, every node does one thing. */
  async step(ms = stepMs): Promise<void> {
    this.clock.advance(ms);
    if (this.#process?.dead === true) this.kill();
    this.#steps += 1;
    if (this.#steps % settleEvery === 0) this.settle();
    this.#moveOthers();
    this.invariants.noteDemand();
    this.startJobs();
    await this.#process?.tick();
    await this.stepNodes();
    this.github.state.loseSilent();
    this.invariants.noteDemand();
    this.invariants.check(this.defects);
    this.#checkReasons();
  }

  /** Every node does one thing. */
  async stepNodes(): Promise<void> {
    for (const node of this.#nodes.values()) await node.step();
  }

  /** The service takes a turn beside the one that it is in, and this does not wait for what comes of it. */
  async turnMeanwhile(): Promise<void> {
    void this.#process?.tick();
    await flush();
  }

  /** Nothing can be written to these tables until there is room. */
  fillDisk(writes?: readonly string[]): void {
    this.#makeRoom = this.#process?.fillDisk(writes) ?? null;
  }

  makeRoom(): void {
    this.#makeRoom?.();
    this.#makeRoom = null;
  }

  /** The service is started again with another configuration. */
  restartWith(changed: Partial<ControllerConfig>): void {
    this.kill();
    this.#config = changed;
    this.start();
  }

  /** What took effect late does so now. */
  settle(): void {
    this.slurm.faults.settle();
    this.github.faults.settle();
  }

  /** No more trouble: everything that is queued gets done, and nothing is left. */
  async quiet(): Promise<void> {
    this.settle();
    this.slurm.faults.clear();
    this.github.faults.clear();
    this.github.lagging.clear();
    this.slurm.partitions = null;
    this.makeRoom();
    this.troubles.lostAnswers.order(0);
    this.troubles.withholdsJobs = false;
    this.slots = Math.max(this.slots, 4);
    for (let steps = 0; steps < quietSteps; steps += 1) {
      if (this.#process === null || this.#process.dead) {
        this.kill();
        this.start();
      }
      await this.step(steps < 40 ? stepMs : 30_000);
      if (this.#isQuiet()) break;
    }
    this.invariants.checkEnd();
  }

  end(): void {
    this.kill();
    this.#closeReader();
    for (const suffix of ['', '-wal', '-shm', '.lock', '.backup'])
      rmSync(this.#options.databaseFile + suffix, { force: true });
  }

  /** Slurm starts what has room. */
  startJobs(): void {
    const running = this.running().length;
    const waiting = this.pending();
    for (const job of waiting.slice(0, Math.max(0, this.slots - running))) {
      this.slurm.start(job);
      this.#nodes.set(job.id, new ClusterNode(this, job));
    }
  }

  #isQuiet(): boolean {
    return (
      this.invariants.openJobs().length === 0 &&
      this.invariants.live().length === 0 &&
      this.invariants.registrations().length === 0 &&
      (this.#query<{ count: number }>("select count(*) as count from allocations where state <> 'ended'")[0]
        ?.count ?? 0) === 0
    );
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
    // GitHub sees that nobody is at the other end any more.
    const held = new Set(
      [...this.#nodes.values()]
        .filter(({ job }) => job.states[0] === 'RUNNING')
        .map((node) => node.runnerName),
    );
    for (const runner of this.github.state.runners.values()) {
      if (!held.has(runner.name)) runner.online = false;
    }
    for (const { job } of this.#stolen.filter(({ untilMs }) => this.clock.monotonicMs() >= untilMs)) {
      this.github.state.complete(job, 'success');
    }
    for (const { job } of this.#stolen) {
      const runner = [...this.github.state.runners.values()].find(({ jobId }) => jobId === job.id);
      if (runner !== undefined) runner.lastSeenMs = this.clock.wallMs();
    }
    this.#refusals -= 1;
    if (this.#refusals < 0) this.slurm.partitions = null;
    for (const [faults, steps] of this.#outages) {
      this.#outages.set(faults, steps - 1);
      if (steps <= 0) faults.outage = null;
    }
    for (const [id, steps] of this.#lagging) {
      if (steps > 0) this.#lagging.set(id, steps - 1);
      else {
        this.#lagging.delete(id);
        this.github.lagging.delete(id);
      }
    }
  }

  /** The node dies, and Slurm says so. */
  failNode(job: InProcessJob): void {
    this.#loseNode(job);
    this.slurm.end(job, 'NODE_FAIL');
  }

  /** The node is taken from it, and it waits for another one. */
  requeue(job: InProcessJob): void {
    this.#loseNode(job);
    this.slurm.requeue(job);
  }

  /** slurmctld loses the record of its newest job of ours; with `reuse` the number is somebody else's from then on. */
  forgetNewest(reuse: boolean): void {
    const job = this.invariants.live().at(-1);
    if (job === undefined) return;
    this.#loseNode(job);
    this.invariants.forgotten += 1;
    const isNewest = Math.max(...this.slurm.jobs.keys()) === job.id;
    this.slurm.forget(job, isNewest ? job.id : undefined);
    if (reuse && isNewest) this.slurm.start(this.slurm.add('a job of somebody else'));
  }

  /** A copy of the database as it is now. */
  backUp(): void {
    if (this.#process === null || this.#process.dead) return;
    const file = `${this.#options.databaseFile}.backup`;
    rmSync(file, { force: true });
    this.#process.execute('vacuum into ?', file);
    this.#hasBackup = true;
  }

  /** The database is lost: the copy takes its place, and is compared with both sides until nothing is left to do. */
  async restore(): Promise<void> {
    if (!this.#hasBackup) return;
    this.kill();
    // What the copy does not know of has to be allocated again.
    this.invariants.excuses += 2 * this.invariants.openJobs().length + this.invariants.live().length;
    const { databaseFile } = this.#options;
    this.#closeReader();
    for (const suffix of ['', '-wal', '-shm']) rmSync(databaseFile + suffix, { force: true });
    copyFileSync(`${databaseFile}.backup`, databaseFile);
    for (let left = 50; left > 0; left -= 1) {
      if (await this.#repair()) break;
      await this.step();
    }
    this.start();
  }

  /** False when something is left to do, when a side did not answer, or when it died over it. */
  async #repair(): Promise<boolean> {
    this.#closeReader();
    const process = new MortalProcess(this.#surroundings());
    try {
      const findings = await process.alive(repair(process.parts, { dryRun: false }));
      return findings?.every(({ settled }) => settled) ?? false;
    } catch (error) {
      if (error instanceof GitHubError || error instanceof SlurmError) return false;
      throw error;
    } finally {
      process.close();
    }
  }

  #surroundings(): Surroundings {
    return {
      databaseFile: this.#options.databaseFile,
      config: { ...config, ...fewAttempts, ...this.#config },
      clock: this.clock,
      chance: this.#chance,
      slurm: this.slurm,
      github: this.github,
      crashes: this.#options.crashes ?? noCrashes,
      defects: this.defects,
    };
  }

  /** An administrator deletes a registration, and the runner does not notice. */
  deleteRunner(name: string): void {
    const runner = this.github.runner(name);
    if (runner === undefined || runner.jobId !== null) return;
    this.invariants.excuses += 1;
    this.github.state.removeRunner(runner, 'deleted by hand');
    for (const node of this.#nodes.values()) if (node.runnerName === name) node.hang();
  }

  /** GitHub drops the record of a job. */
  forgetJob(job: SimulatedJob): void {
    this.invariants.excuses += 1;
    this.github.state.jobs.delete(job.id);
  }

  running(): readonly InProcessJob[] {
    return this.invariants.live().filter((job) => job.states[0] === 'RUNNING');
  }

  pending(): readonly InProcessJob[] {
    return this.invariants.live().filter((job) => job.states[0] === 'PENDING');
  }

  #loseNode(job: InProcessJob): void {
    this.invariants.excuses += 1;
    const work = this.#nodes.get(job.id)?.workflowJob;
    if (work != null) this.invariants.mayFail.add(work.id);
    this.#nodes.delete(job.id);
  }

  /** A job has been queued for long enough that it must have something to show. */
  #hasWaiting(): boolean {
    const sinceMs = this.clock.wallMs() - 2 * stepMs;
    return this.invariants.openJobs().some((job) => job.status === 'queued' && job.createdAtMs <= sinceMs);
  }

  #checkReasons(): void {
    const process = this.#process;
    if (process === null || process.dead || !this.#hasWaiting()) return;
    const { jobs, pools } = process.controller.state();
    const blocked = new Set(pools.filter((pool) => pool.blocked !== undefined).map((pool) => pool.profile));
    const unexplained = jobs.filter(
      (job) =>
        job.status === 'queued' &&
        job.allocationId === undefined &&
        job.reason === undefined &&
        !blocked.has(job.profile ?? ''),
    );
    if (process.controller.readiness().repositories.some((scope) => scope.failure !== null)) return;
    this.invariants.checkReasons(new Set(unexplained.map(({ id }) => id)));
  }

  /** The service may be dead: then by a connection of its own, kept until the file is another's again. */
  #query<Row>(sql: string, ...values: readonly unknown[]): Row[] {
    const process = this.#process;
    if (process !== null) return process.query<Row>(sql, ...values);
    this.#reader ??= new Database(this.#options.databaseFile);
    return this.#reader.prepare<unknown[], Row>(sql).all(...values);
  }

  #closeReader(): void {
    this.#reader?.close();
    this.#reader = null;
  }
}
