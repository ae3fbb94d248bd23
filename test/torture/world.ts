/** The service, GitHub, Slurm and the nodes in one process, on one clock; and what must hold whatever happens to them. */
import type { Controller } from '../../src/controller/create-controller.ts';
import { config, repository } from '../controller/controller-config.ts';
import { InProcessGitHub } from '../controller/in-process-github.ts';
import { InProcessSlurm } from '../controller/in-process-slurm.ts';
import type { SimulatedJob } from '../simulator/simulator-state.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { Cluster } from './cluster.ts';
import { Faults } from './faults.ts';
import { Hub } from './hub.ts';
import { Invariants } from './invariants.ts';
import { Meanwhile } from './meanwhile.ts';
import { unexplained } from './reasons.ts';
import { ServiceLife, type ServiceOptions } from './service-life.ts';

export interface WorldOptions extends ServiceOptions {
  /** Slurm jobs that may run at once. */
  readonly slots?: number;
  /** Labels of the profiles that its service has; default: all. */
  readonly labels?: readonly string[];
  /** Another world, whose service is on the same cluster and the same repository: time passes in both at once. */
  readonly beside?: World;
}

export const stepMs = 5_000;
/** A call that took effect after its caller had given up did so within this many steps. */
const settleEvery = 3;
const quietSteps = 3_000;

export class World {
  readonly clock: VirtualClock;
  readonly slurm: InProcessSlurm;
  readonly github: InProcessGitHub;
  readonly service: ServiceLife;
  readonly hub: Hub;
  readonly cluster: Cluster;
  readonly faults: Faults;
  readonly invariants: Invariants;
  readonly meanwhile: Meanwhile;
  /** Labels of the profiles that its service has. */
  readonly labels: readonly string[];
  readonly defects: string[] = [];
  #steps = 0;

  /** The other world, where there is one. */
  #beside: World | null = null;

  constructor(options: WorldOptions) {
    const { beside, labels = [...config.profiles.keys()] } = options;
    this.clock = beside?.clock ?? new VirtualClock();
    this.slurm = new InProcessSlurm(beside?.slurm);
    this.github = new InProcessGitHub(() => this.clock.wallMs(), beside?.github);
    if (beside !== undefined) [this.#beside, beside.#beside] = [beside, this];
    this.github.state.repositories.add(repository);
    const profiles = new Map([...config.profiles].filter(([label]) => labels.includes(label)));
    this.service = new ServiceLife(this, { ...options, config: { profiles } });
    this.hub = new Hub(this);
    this.cluster = new Cluster(this, options.slots ?? 4);
    this.faults = new Faults(this);
    this.meanwhile = new Meanwhile(this);
    this.labels = labels;
    this.invariants = new Invariants({
      labels,
      clock: this.clock,
      slurm: this.slurm,
      github: this.github,
      query: (sql, ...values) => this.service.query(sql, ...values),
      serves: (label) => this.service.serves(label),
      canWrite: () => this.service.isAlive && !this.service.isFull,
      nodeOf: (slurmJobId) => this.cluster.nodeOf(slurmJobId),
    });
  }

  /** Five seconds: the service looks at both sides, Slurm starts what has room, every node does one thing. */
  async step(ms = stepMs): Promise<void> {
    this.clock.advance(ms);
    await this.#turn();
    if (this.#beside !== null) await this.#beside.#turn();
  }

  async #turn(): Promise<void> {
    this.service.bury();
    this.#steps += 1;
    if (this.#steps % settleEvery === 0) this.faults.settle();
    this.hub.step();
    this.faults.step();
    this.invariants.beginStep();
    this.cluster.endOverdue();
    this.cluster.startJobs();
    await this.service.process?.tick();
    await this.cluster.stepNodes();
    await this.meanwhile.end();
    this.github.state.loseSilent();
    this.invariants.endStep(this.service.isAlive && !this.service.isFull, this.defects);
    this.#checkReasons();
  }

  /** No more trouble: everything that is queued gets done, and nothing is left. */
  async quiet(): Promise<void> {
    this.faults.clear();
    this.cluster.slots = Math.max(this.cluster.slots, 4);
    for (let steps = 0; steps < quietSteps; steps += 1) {
      if (!this.service.isAlive) {
        this.service.kill();
        this.service.start();
      }
      await this.step(steps < 40 ? stepMs : 30_000);
      if (this.#isQuiet()) break;
    }
    this.invariants.checkEnd();
  }

  /** Nobody is there to answer a node, or who is can't ask GitHub, or write. */
  get isTroubled(): boolean {
    return (
      !this.service.isAlive ||
      this.service.isFull ||
      this.faults.isCutOff ||
      this.github.faults.outage !== null
    );
  }

  end(): void {
    this.service.end();
  }

  #isQuiet(): boolean {
    return (
      this.invariants.openJobs().length === 0 &&
      this.invariants.live().length === 0 &&
      this.invariants.registrations().length === 0 &&
      this.service.query("select 1 from allocations where state <> 'ended' limit 1").length === 0
    );
  }

  /** Jobs that GitHub has in its queue, and shows there. */
  #waiting(): readonly SimulatedJob[] {
    return this.invariants
      .openJobs()
      .filter(
        ({ id, status, labels: [label = ''] }) =>
          status === 'queued' && !this.github.lagging.has(id) && this.service.serves(label),
      );
  }

  #checkReasons(): void {
    const { process } = this.service;
    const waiting = this.#waiting();
    if (process === null || !this.#says(process.controller)) {
      this.invariants.reasonsUnknown();
      return;
    }
    const { readiness } = process.controller;
    const without = unexplained(
      {
        query: (sql, ...values) => this.service.query(sql, ...values),
        recentSubmits: (label) => this.invariants.submits.recent(label, this.clock.monotonicMs()),
        wallMs: () => this.clock.wallMs() + this.service.jumpMs,
        slurmAnswers: () => readiness().ready,
      },
      waiting,
      process.controller.state().jobs,
    );
    this.invariants.checkReasons(waiting, without);
  }

  /** It lives, and knows what GitHub shows: what can't be written down has not been seen. */
  #says({ readiness }: Controller): boolean {
    const { database, repositories } = readiness();
    return (
      this.service.isAlive &&
      database === null &&
      repositories.every(({ observed, failure }) => observed && failure === null)
    );
  }
}
