/**
 * What must hold whatever happens, checked from outside: by what Slurm, GitHub and the database have, never by what the
 * service says of itself. Some of it at each call, some after each step, some when all is quiet.
 */
import { type AllocationState, mayMove } from '../../src/domain/allocation-state.ts';
import { openRunnerStates, type RunnerRow } from '../../src/store/runner-rows.ts';
import { config, repository } from '../controller/controller-config.ts';
import type { InProcessGitHub } from '../controller/in-process-github.ts';
import type { InProcessJob, InProcessSlurm } from '../controller/in-process-slurm.ts';
import type { SimulatedJob } from '../simulator/simulator-state.ts';
import type { VirtualClock } from '../support/virtual-clock.ts';
import { attemptsTooMany } from './attempts.ts';
import type { ClusterNode } from './cluster-node.ts';
import { Demand } from './demand.ts';
import { History } from './history.ts';
import { RegistrationBound } from './registration-bound.ts';
import { SubmitRate } from './submit-rate.ts';

interface Surroundings {
  readonly clock: VirtualClock;
  readonly slurm: InProcessSlurm;
  readonly github: InProcessGitHub;
  readonly query: <Row>(sql: string, ...values: readonly unknown[]) => Row[];
  readonly nodeOf: (slurmJobId: number) => ClusterNode | undefined;
}

/** Allocations may exceed what is queued now by what was queued this long ago. */
const windowMs = 10 * 60_000;
const labels = [...config.profiles.keys()];

export class Invariants {
  readonly history = new History();
  /** Jobs whose node or runner was taken away: GitHub may fail them. */
  readonly mayFail = new Set<number>();
  /** Allocations beyond one a job that what has happened may have cost: Infinity when nobody can say. */
  excuses = 0;
  /** Records that Slurm has lost. */
  forgotten = 0;
  readonly #world: Surroundings;
  readonly #prefix: string;
  readonly #demand = new Demand();
  readonly #registrations: RegistrationBound;
  /** Monotonic time of the step before this one, and of this one. */
  #stepsMs: readonly [number, number] = [0, 0];
  readonly #known = new Set<number>();
  readonly submits = new SubmitRate();
  #lastEvent = 0;
  /** Polls in a row that GitHub answered and that left a queued job without an allocation and without a reason. */
  readonly #unexplainedPolls = new Map<number, number>();

  constructor(world: Surroundings) {
    this.#world = world;
    const [instance] = world.query<{ id: string }>('select id from instance');
    this.#prefix = `gha-${instance?.id}-`;
    this.#neighbours();
    world.slurm.onCancel = (job) => this.#cancelled(job);
    world.slurm.onSubmit = (name) => this.#submitted(name);
    world.github.onDeregister = (name) => this.#deregistered(name);
    world.github.onMint = (name, wanted) => this.#minted(name, wanted);
    world.github.onShown = () => this.#registrations.noteAnswer(this.#noteDemand());
    this.#registrations = new RegistrationBound({
      github: world.github,
      demand: this.#demand,
      labels,
      graceMs: config.limits.surplusGraceMs,
      isOurs: (name) => name.startsWith(this.#prefix),
      claimed: () => this.#claimedRunners(),
      violate: (what) => this.history.violate(what),
    });
  }

  isOurs(job: InProcessJob): boolean {
    return job.name.startsWith(this.#prefix);
  }

  /** Our Slurm jobs that are not over. */
  live(): InProcessJob[] {
    return this.#world.slurm.live().filter((job) => this.isOurs(job));
  }

  openJobs(): SimulatedJob[] {
    return [...this.#world.github.state.jobs.values()].filter((job) => job.status !== 'completed');
  }

  registrations(): string[] {
    return [...this.#world.github.state.runners.values()]
      .map(({ name }) => name)
      .filter((name) => name.startsWith(this.#prefix));
  }

  /** A process of the service begins: it remembers no surplus. */
  noteStart(): void {
    this.#registrations.noteStart();
  }

  beginStep(): void {
    this.#stepsMs = [this.#stepsMs[1], this.#world.clock.monotonicMs()];
    this.#noteDemand();
  }

  endStep(isAlive: boolean, defects: string[]): void {
    this.#noteDemand();
    this.#registrations.check(this.#stepsMs[1], isAlive);
    this.#checkSupply();
    this.#checkNames();
    this.#checkReleases();
    for (const defect of defects.splice(0)) this.history.violate(`a defect: ${defect}`);
  }

  /** After a poll that GitHub answered: `unexplained` are queued jobs that have neither an allocation nor a reason. */
  checkReasons(unexplained: ReadonlySet<number>): void {
    for (const id of this.#unexplainedPolls.keys())
      if (!unexplained.has(id)) this.#unexplainedPolls.delete(id);
    for (const id of unexplained) {
      const polls = (this.#unexplainedPolls.get(id) ?? 0) + 1;
      this.#unexplainedPolls.set(id, polls);
      if (polls > 2) this.history.violate(`job ${id} is queued, and has neither an allocation nor a reason`);
    }
  }

  /** When nothing happens any more. */
  checkEnd(): void {
    const { history } = this;
    const { github, query } = this.#world;
    for (const job of this.openJobs()) history.violate(`job ${job.id} is still ${job.status}`);
    for (const job of this.live()) history.violate(`Slurm job ${job.id} is left, ${job.states.join('+')}`);
    for (const name of this.registrations()) history.violate(`the registration ${name} is left`);
    for (const { id, state } of query<{ id: string; state: string }>(
      "select id, state from allocations where state <> 'ended'",
    )) {
      history.violate(`the allocation ${id} is left, ${state}`);
    }
    const moves = query<{ from_state: AllocationState | null; to_state: AllocationState }>(
      'select from_state, to_state from allocation_events',
    );
    for (const { from_state: from, to_state: to } of moves) {
      if (from !== null && !mayMove(from, to)) history.violate(`a move from ${from} to ${to}`);
    }
    for (const job of github.state.jobs.values()) {
      if (job.conclusion === 'failure' && !this.mayFail.has(job.id))
        history.violate(`job ${job.id} failed: its runner was lost`);
    }
    for (const attempt of attemptsTooMany(this.#world)) history.violate(attempt);
    this.#checkNeighbours();
    this.#checkCount();
  }

  /** Another service on the same cluster and repository, and another user. */
  #neighbours(): void {
    const { slurm, github } = this.#world;
    slurm.start(slurm.add('gha-neighbor-0123456789abcdef'));
    slurm.start(slurm.add('a job of somebody else'));
    github.state.addRunner(repository, 'gha-neighbor-0123456789abcdef-1', ['slurm-neighbor']);
  }

  #checkNeighbours(): void {
    if (this.#world.github.runner('gha-neighbor-0123456789abcdef-1') === undefined)
      this.history.violate("a neighbour's runner was deregistered");
  }

  /** A Slurm job that works on a job, or whose runner can still get one, is cancelled by nobody but its user. */
  #cancelled(job: InProcessJob): void {
    const { history } = this;
    if (!this.isOurs(job)) history.violate(`Slurm job ${job.id} was cancelled, which is ${job.name}`);
    const node = this.#world.nodeOf(job.id);
    if (node?.job !== job || job.states[0] !== 'RUNNING') return;
    if (node.workflowJob?.status === 'in_progress')
      history.violate(`Slurm job ${job.id} was cancelled, which works on job ${node.workflowJob.id}`);
    // All that were ever minted for it; but not those whose minter had given up, which nobody has what it takes to use, nor those
    // of a process that Slurm has ended to start the job again.
    const { github } = this.#world;
    // Slurm was sent its submit twice, and the other one was given the claim.
    if (history.isAnothers(job)) return;
    const registered = this.registrations().find((name) =>
      job.restarts > 0
        ? name === node.runnerName
        : name.startsWith(`${job.name}-`) && !github.lateMints.has(name),
    );
    if (registered !== undefined)
      history.violate(`Slurm job ${job.id} was cancelled while its runner ${registered} is registered`);
  }

  /** Demand as GitHub shows it now. */
  #noteDemand(): number {
    const { clock, github } = this.#world;
    return this.#demand.note(clock.monotonicMs(), github.queuedLabels());
  }

  /** Open registrations of claimed allocations. */
  #claimedRunners(): ReadonlySet<string> {
    const rows = this.#world.query<{ name: string }>(
      "select r.name from runners r join allocations a on a.id = r.allocation_id where a.state = 'claimed' and r.state in ('minting', 'registered', 'doubtful')",
    );
    return new Set(rows.map(({ name }) => name));
  }

  #submitted(name: string): void {
    const [row] = this.#world.query<{ state: string; profile: string }>(
      'select state, profile from allocations where slurm_job_name = ?',
      name,
    );
    if (row?.state !== 'submitting')
      this.history.violate(`${name} was submitted, and its row is ${row?.state ?? 'not there'}`);
    for (const attempt of attemptsTooMany(this.#world, name)) this.history.violate(attempt);
    if (row === undefined) return;
    const { clock, github } = this.#world;
    const tooMany = this.submits.note(row.profile, github.state.jobs.values(), clock.monotonicMs());
    if (tooMany !== null) this.history.violate(tooMany);
  }

  /** GitHub refuses to delete a runner that works; nobody asks it to who knows of it only what its list says. */
  #deregistered(name: string): void {
    const runner = this.#world.github.runner(name);
    this.#registrations.noteDeletion(name);
    if (runner === undefined || runner.jobId === null) return;
    const [row] = this.#world.query<{ state: RunnerRow['state'] }>(
      'select state from runners where name = ?',
      name,
    );
    if (row === undefined || !openRunnerStates.has(row.state))
      this.history.violate(`GitHub was asked to delete ${name}, which works and is no row's`);
  }

  #minted(name: string, wanted: readonly string[]): void {
    this.#registrations.checkMint(name, wanted);
    const [row] = this.#world.query<{ state: string }>(
      'select a.state from runners r join allocations a on a.id = r.allocation_id where r.name = ?',
      name,
    );
    if (row?.state !== 'claimed')
      this.history.violate(`the runner ${name} was minted, and its row is ${row?.state ?? 'not there'}`);
  }

  #checkSupply(): void {
    const rows = this.#world.query<{ profile: string; count: number }>(
      "select profile, count(*) as count from allocations where state in ('submitting', 'pending', 'claimed') group by profile",
    );
    for (const label of labels) {
      const peak = this.#demand.peakSince(label, this.#stepsMs[1] - windowMs);
      const waiting = rows.find(({ profile }) => profile === label)?.count ?? 0;
      if (waiting > peak)
        this.history.violate(
          `${waiting} allocations wait for ${label}, and ${peak} jobs were queued at most`,
        );
    }
  }

  /** A name is one Slurm job: a submit is sent once, whatever became of it. */
  #checkNames(): void {
    for (const job of this.#world.slurm.jobs.values()) {
      if (this.#known.has(job.id) || !this.isOurs(job)) continue;
      this.#known.add(job.id);
      const others = [...this.#world.slurm.jobs.values()].filter(
        (other) => other.name === job.name && other.id !== job.id && !other.copy,
      );
      if (others.length > 0 && !job.copy) this.history.violate(`${job.name} was submitted twice`);
    }
  }

  /** Nobody gives up what is wanted: a release as surplus leaves enough for the fewest that were queued around it. */
  #checkReleases(): void {
    const fresh = this.#world.query<{ id: number; profile: string; detail: string }>(
      'select e.id, a.profile, e.detail from allocation_events e join allocations a on a.id = e.allocation_id where e.id > ? order by e.id',
      this.#lastEvent,
    );
    this.#lastEvent = fresh.at(-1)?.id ?? this.#lastEvent;
    const surplus = fresh.filter(({ detail }) => detail === 'surplus');
    for (const label of new Set(surplus.map(({ profile }) => profile))) {
      const [waiting] = this.#world.query<{ count: number }>(
        "select count(*) as count from allocations where state in ('submitting', 'pending', 'claimed') and profile = ?",
        label,
      );
      // What went for other reasons in the same step was there when it was decided.
      const [others] = this.#world.query<{ count: number }>(
        "select count(*) as count from allocation_events e join allocations a on a.id = e.allocation_id where a.profile = ? and e.at = ? and e.from_state in ('submitting', 'pending', 'claimed') and e.to_state in ('busy', 'releasing', 'ended') and e.detail <> 'surplus'",
        label,
        this.#world.clock.wallMs(),
      );
      const least = this.#demand.leastSince(label, this.#stepsMs[0]);
      if ((waiting?.count ?? 0) + (others?.count ?? 0) < least)
        this.history.violate(`${label} was given up as surplus, and ${least} jobs were queued all the time`);
    }
  }

  /** One allocation a job, and no more than what has happened explains. */
  #checkCount(): void {
    const [rows] = this.#world.query<{ count: number; gone: number }>(
      "select count(*) as count, sum(outcome in ('slurm:GONE', 'slurm:LOST')) as gone from allocations",
    );
    const jobs = this.#world.github.state.jobs.size;
    if ((rows?.count ?? 0) > jobs + this.excuses)
      this.history.violate(
        `${rows?.count} allocations for ${jobs} jobs, and ${this.excuses} more can be explained`,
      );
    if ((rows?.gone ?? 0) > this.forgotten)
      this.history.violate(`${rows?.gone} Slurm jobs were given up for gone, and ${this.forgotten} were`);
  }
}
