/** Slurm's side: which jobs run, on which nodes, and what becomes of both. */
import type { SlurmEnd } from '../../src/domain/slurm-ends.ts';
import type { InProcessJob } from '../controller/in-process-slurm.ts';
import { ClusterNode } from './cluster-node.ts';
import type { World } from './world.ts';

/** Longer than anything of the model takes. */
const timeLimitMs = 3_600_000;

export class Cluster {
  /** Slurm jobs that may run at once. */
  slots: number;
  readonly #world: World;
  readonly #nodes = new Map<number, ClusterNode>();

  constructor(world: World, slots: number) {
    this.#world = world;
    this.slots = slots;
  }

  /** Of ours. */
  running(): readonly InProcessJob[] {
    return this.#world.invariants.live().filter((job) => job.states[0] === 'RUNNING');
  }

  /** Of ours. */
  pending(): readonly InProcessJob[] {
    return this.#world.invariants.live().filter((job) => job.states[0] === 'PENDING');
  }

  nodeOf(slurmJobId: number): ClusterNode | undefined {
    return this.#nodes.get(slurmJobId);
  }

  /** Names of the runners that a process is behind. */
  heldRunners(): ReadonlySet<string | null> {
    const nodes = [...this.#nodes.values()].filter(({ job }) => job.states[0] === 'RUNNING');
    return new Set(nodes.map(({ runnerName }) => runnerName));
  }

  /** Slurm starts what has room. */
  startJobs(): void {
    const running = this.running().length;
    const waiting = this.pending();
    for (const job of waiting.slice(0, Math.max(0, this.slots - running))) {
      this.#world.slurm.start(job);
      this.#nodes.set(job.id, new ClusterNode(this.#world, job));
    }
  }

  /**
   * Slurm ends by its time limit what no row knows, what has hung and what has no registration: `repair` leaves it, where nobody can
   * tell what it does. Everything else is the service's to end, and no time limit may hide that it has not.
   */
  endOverdue(): void {
    const { clock, service, invariants } = this.#world;
    for (const job of this.running()) {
      const node = this.#nodes.get(job.id);
      if (node === undefined || clock.monotonicMs() - node.startedMs < timeLimitMs) continue;
      const isKnown =
        service.query('select 1 from allocations where slurm_job_name = ?', job.name).length > 0;
      const isRegistered = invariants.registrations().some((name) => name.startsWith(`${job.name}-`));
      if (!isKnown && !isRegistered) this.end(job, 'TIMEOUT');
    }
  }

  /** Every node does one thing. */
  async stepNodes(): Promise<void> {
    for (const node of this.#nodes.values()) await node.step();
  }

  /** Every node does one thing, all of them at once. */
  beginNodeSteps(): Promise<void>[] {
    return [...this.#nodes.values()].map((node) => node.step());
  }

  /** Slurm will never start it, for this reason; or has flagged it so. */
  spoil(job: InProcessJob, spoilt: { readonly reason?: string; readonly states?: readonly string[] }): void {
    this.#world.invariants.waste.note(job.name, 'Slurm will never start it');
    Object.assign(job, spoilt);
  }

  /** The node dies, and Slurm says so. */
  failNode(job: InProcessJob): void {
    this.end(job, 'NODE_FAIL');
  }

  /** Slurm ends it, or somebody else does, and this is the state that it has from then on. */
  end(job: InProcessJob, state: SlurmEnd): void {
    this.#lose(job, `Slurm says ${state}`);
    this.#world.slurm.end(job, state);
  }

  /** The node is taken from it, and it waits for another one. */
  requeue(job: InProcessJob): void {
    this.#lose(job, 'its node was lost');
    this.#world.slurm.requeue(job);
  }

  /** slurmctld loses the record of its newest job of ours; with `reuse` the number is somebody else's from then on. */
  forgetNewest(reuse: boolean): void {
    const { slurm, invariants } = this.#world;
    const job = invariants.live().at(-1);
    if (job === undefined) return;
    this.#lose(job, 'its node was lost');
    invariants.waste.noteForgotten(job.name);
    const isNewest = Math.max(...slurm.jobs.keys()) === job.id;
    slurm.forget(job, isNewest ? job.id : undefined);
    if (reuse && isNewest) slurm.start(slurm.add('a job of somebody else'));
  }

  /** The runner's process does nothing any more, and does not end either. */
  hang(runnerName: string): void {
    for (const node of this.#nodes.values()) if (node.runnerName === runnerName) node.hang();
  }

  #lose(job: InProcessJob, cause: string): void {
    const { invariants } = this.#world;
    invariants.waste.note(job.name, cause);
    const work = this.#nodes.get(job.id)?.workflowJob;
    if (work != null) invariants.mayFail.add(work.id);
    this.#nodes.delete(job.id);
  }
}
