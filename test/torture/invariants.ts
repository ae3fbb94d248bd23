/**
 * What must hold whatever happens, checked from outside: by what Slurm, GitHub and the database have, never by what the
 * service says of itself. Some of it at each call, some after each step, some when all is quiet.
 */
import type { AllocationState } from '../../src/domain/allocation-state.ts';
import { config } from '../controller/controller-config.ts';
import type { InProcessGitHub } from '../controller/in-process-github.ts';
import type { InProcessJob, InProcessSlurm } from '../controller/in-process-slurm.ts';
import type { SimulatedJob } from '../simulator/simulator-state.ts';
import type { VirtualClock } from '../support/virtual-clock.ts';
import { attemptsTooMany } from './attempts.ts';
import { CallChecks } from './call-checks.ts';
import type { ClusterNode } from './cluster-node.ts';
import { Demand } from './demand.ts';
import { History } from './history.ts';
import { Moves } from './moves.ts';
import { isNeighbourThere, moveIn } from './neighbours.ts';
import { Polls } from './polls.ts';
import { RegistrationBound } from './registration-bound.ts';
import { SubmitRate } from './submit-rate.ts';
import { surplusReleasesTooMany } from './surplus-releases.ts';
import { type EndedRow, Waste } from './waste.ts';

interface FreshEvent extends EndedRow {
  readonly id: number;
  readonly from: AllocationState | null;
  readonly to: AllocationState;
  readonly detail: string | null;
}

interface Surroundings {
  /** Of the service's profiles: jobs with other ones are none of its business. */
  readonly labels: readonly string[];
  readonly clock: VirtualClock;
  readonly slurm: InProcessSlurm;
  readonly github: InProcessGitHub;
  readonly query: <Row>(sql: string, ...values: readonly unknown[]) => Row[];
  readonly nodeOf: (slurmJobId: number) => ClusterNode | undefined;
  /** The service has a profile with this label now. */
  readonly serves: (label: string) => boolean;
  /** The service lives, and has room on its disk. */
  readonly canWrite: () => boolean;
}

const isSupply: ReadonlySet<AllocationState> = new Set(['submitting', 'pending', 'claimed']);

export class Invariants {
  readonly history = new History();
  /** Jobs whose node or runner was taken away: GitHub may fail them. */
  readonly mayFail = new Set<number>();
  /** What was done to allocations, and whether that explains each that came to nothing. */
  readonly waste: Waste;
  readonly #world: Surroundings;
  readonly #prefix: string;
  readonly #demand = new Demand();
  readonly #registrations: RegistrationBound;
  readonly #calls: CallChecks;
  /** Processes of the service so far. */
  #starts = 0;
  /** Monotonic time of the step before this one, and of this one. */
  #stepsMs: readonly [number, number] = [0, 0];
  /** Of this step, since the Unix epoch. */
  #stepWallMs = 0;
  /** The look at demand of the backup, while the service has not seen the queue for long enough since then. */
  #backup: { readonly look: number; readonly since: number } | null = null;
  readonly #known = new Set<number>();
  readonly submits = new SubmitRate();
  #lastEvent = 0;
  readonly #polls = new Polls();
  readonly #moves: Moves;
  /** Labels of allocations that were there for a queued job, and that went in this step. */
  #lost: readonly string[] = [];

  constructor(world: Surroundings) {
    this.#world = world;
    const [instance] = world.query<{ id: string }>('select id from instance');
    this.#prefix = `gha-${instance?.id}-`;
    moveIn(world);
    world.github.onAsk = () => {
      const process = this.#starts;
      return () => this.#noteShown(process);
    };
    this.#moves = new Moves(world);
    this.waste = new Waste({
      jobs: () => this.#jobs(),
      isKnown: (name) => world.query('select 1 from allocations where slurm_job_name = ?', name).length > 0,
      isLagging: (id) => world.github.isBehind(id),
      wallMs: () => world.clock.wallMs(),
    });
    this.#registrations = new RegistrationBound({
      github: world.github,
      demand: this.#demand,
      labels: world.labels,
      graceMs: config.limits.surplusGraceMs,
      isOurs: (name) => name.startsWith(this.#prefix),
      claimed: () => this.#claimedRunners(),
      violate: (what) => this.history.violate(what),
    });
    this.#calls = new CallChecks({
      ...world,
      history: this.history,
      waste: this.waste,
      submits: this.submits,
      registrations: this.#registrations,
      demand: this.#demand,
      isOurs: (name) => name.startsWith(this.#prefix),
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
    return this.#jobs().filter((job) => job.status !== 'completed');
  }

  #jobs(): SimulatedJob[] {
    const { github, labels } = this.#world;
    return [...github.state.jobs.values()].filter((job) => labels.includes(job.labels[0] ?? ''));
  }

  registrations(): string[] {
    return [...this.#world.github.state.runners.values()]
      .map(({ name }) => name)
      .filter((name) => name.startsWith(this.#prefix));
  }

  /** Before a process of the service is gone: what it was about to submit is in doubt, what had asked for its runner may need another. */
  noteDeath(): void {
    this.#calls.noteDeath();
    for (const name of this.#namesIn('submitting', 'claimed')) this.waste.note(name, 'the service died');
  }

  /** A process of the service begins: it remembers no surplus. */
  noteStart(): void {
    this.#starts += 1;
    this.#calls.noteStart();
    this.#registrations.noteStart();
  }

  /** Its database is a copy of what it once was: what the copy does not know is cancelled, or taken by a runner that nobody knows. */
  noteRestore(backedUpMs: number): void {
    // It knows of the queue of then.
    this.#backup = { look: this.#demand.lookBefore(backedUpMs), since: this.#registrations.since };
    const [last] = this.#world.query<{ id: number | null }>('select max(id) as id from allocation_events');
    this.#lastEvent = last?.id ?? 0;
    const rows = this.#world.query<{ name: string }>(
      "select slurm_job_name as name from allocations where state <> 'ended'",
    );
    for (const { name } of [...rows, ...this.live()]) this.waste.note(name, 'a backup was restored');
    this.submits.noteRestore();
    this.#moves.noteRestore();
  }

  /** Allocations of ours in any of these states. */
  #namesIn(...states: readonly AllocationState[]): string[] {
    const rows = this.#world.query<{ name: string }>(
      `select slurm_job_name as name from allocations where state in (${states.map(() => '?').join()})`,
      ...states,
    );
    return rows.map(({ name }) => name);
  }

  beginStep(): void {
    this.#stepsMs = [this.#stepsMs[1], this.#world.clock.monotonicMs()];
    this.#stepWallMs = this.#world.clock.wallMs();
    this.#noteDemand();
  }

  /** `isWell`: the service lives, and can write. */
  endStep(isWell: boolean, defects: string[]): void {
    this.#noteDemand();
    this.#registrations.check(this.#stepsMs[1], isWell);
    this.#checkSupply();
    this.#checkNames();
    this.#checkEvents();
    if (!isNeighbourThere(this.#world)) this.history.violate("a neighbour's runner was deregistered");
    for (const job of this.#jobs()) this.#checkFailure(job);
    for (const defect of defects.splice(0)) this.history.violate(`a defect: ${defect}`);
  }

  /** After a turn: `unexplained` are those of the queued jobs that have neither an allocation nor a reason. */
  checkReasons(waiting: readonly SimulatedJob[], unexplained: ReadonlySet<number>): void {
    for (const sentence of this.#polls.check(waiting, unexplained, this.#lost))
      this.history.violate(sentence);
  }

  /** The service can't say what becomes of its jobs. */
  reasonsUnknown(): void {
    this.#polls.forget();
  }

  /** When nothing happens any more. */
  checkEnd(): void {
    const { history } = this;
    const { query } = this.#world;
    for (const job of this.openJobs()) history.violate(`job ${job.id} is still ${job.status}`);
    for (const job of this.live()) history.violate(`Slurm job ${job.id} is left, ${job.states.join('+')}`);
    for (const name of this.registrations()) history.violate(`the registration ${name} is left`);
    for (const { id, state } of query<{ id: string; state: string }>(
      "select id, state from allocations where state <> 'ended'",
    )) {
      history.violate(`the allocation ${id} is left, ${state}`);
    }
    for (const attempt of attemptsTooMany(this.#world)) history.violate(attempt);
  }

  /** GitHub makes a whole answer for that process of the service. @returns what is to be told when it has arrived. */
  #noteShown(process: number): () => void {
    const { github, canWrite, serves } = this.#world;
    const look = this.#noteDemand(true);
    const shown = this.waste.noteShown();
    const queued = this.#jobs().filter(
      ({ id, status, labels: [label = ''] }) => status === 'queued' && !github.isBehind(id) && serves(label),
    );
    return () => {
      if (process !== this.#starts) return;
      this.#registrations.noteAnswer(look);
      shown();
      if (!canWrite()) return;
      this.#polls.note(queued);
      github.countAnswer();
    };
  }

  /** Demand as GitHub shows it now. */
  #noteDemand(inAnswer = false): number {
    const { clock, github } = this.#world;
    return this.#demand.note(clock.monotonicMs(), github.queuedLabels(inAnswer));
  }

  /** Open registrations of claimed allocations. */
  #claimedRunners(): ReadonlySet<string> {
    const rows = this.#world.query<{ name: string }>(
      "select r.name from runners r join allocations a on a.id = r.allocation_id where a.state = 'claimed' and r.state in ('minting', 'registered', 'doubtful')",
    );
    return new Set(rows.map(({ name }) => name));
  }

  /** What waits is no more than the jobs that the service was shown, within the same window as registrations after each turn. */
  #checkSupply(): void {
    const rows = this.#world.query<{ profile: string; count: number }>(
      "select profile, count(*) as count from allocations where state in ('submitting', 'pending', 'claimed') group by profile",
    );
    const { since } = this.#registrations;
    if (this.#backup?.since !== since) this.#backup = null;
    const from = Math.min(since, this.#backup?.look ?? since);
    for (const label of this.#world.labels) {
      const peak = this.#demand.peak(label, from);
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

  /** A job that GitHub calls failed has lost its runner: to what was done to it, or to us. */
  #checkFailure({ id, conclusion }: SimulatedJob): void {
    if (conclusion !== 'failure' || this.mayFail.has(id)) return;
    this.mayFail.add(id);
    this.history.violate(`job ${id} failed: its runner was lost`);
  }

  /** What has been appended since the last look. */
  #checkEvents(): void {
    const fresh = this.#world.query<FreshEvent>(
      'select e.id, e.from_state as "from", e.to_state as "to", e.detail, e.at as endedAt, a.profile, a.slurm_job_name as name, a.outcome, a.reason, a.created_at as createdAt from allocation_events e join allocations a on a.id = e.allocation_id where e.id > ? order by e.id',
      this.#lastEvent,
    );
    this.#lastEvent = fresh.at(-1)?.id ?? this.#lastEvent;
    for (const sentence of this.#moves.check(fresh)) this.history.violate(sentence);
    this.#lost = fresh.flatMap(({ from, to, profile }) =>
      from !== null && isSupply.has(from) && (to === 'releasing' || to === 'ended') ? [profile] : [],
    );
    const ended = fresh.filter(({ to }) => to === 'ended');
    for (const sentence of this.waste.check(ended)) this.history.violate(sentence);
    const step = { sinceMs: this.#stepsMs[0], beganAt: this.#stepWallMs };
    const surroundings = { query: this.#world.query, demand: this.#demand };
    for (const sentence of surplusReleasesTooMany(surroundings, fresh, step)) this.history.violate(sentence);
  }
}
