/** What must hold at the moment of a call: each is looked at before it takes effect. */
import { SlurmError } from '../../src/domain/errors.ts';
import { openRunnerStates, type RunnerRow } from '../../src/store/runner-rows.ts';
import type { CallFault } from '../controller/call-faults.ts';
import type { InProcessGitHub } from '../controller/in-process-github.ts';
import type { InProcessJob, InProcessSlurm } from '../controller/in-process-slurm.ts';
import { slurmJobNameOf } from '../support/slurm-job-name-of.ts';
import type { VirtualClock } from '../support/virtual-clock.ts';
import { attemptsTooMany } from './attempts.ts';
import type { ClusterNode } from './cluster-node.ts';
import type { Demand } from './demand.ts';
import type { History } from './history.ts';
import type { RegistrationBound } from './registration-bound.ts';
import type { SubmitRate } from './submit-rate.ts';
import type { Waste } from './waste.ts';

interface Surroundings {
  readonly clock: VirtualClock;
  readonly slurm: InProcessSlurm;
  readonly github: InProcessGitHub;
  readonly query: <Row>(sql: string, ...values: readonly unknown[]) => Row[];
  readonly nodeOf: (slurmJobId: number) => ClusterNode | undefined;
  readonly history: History;
  readonly waste: Waste;
  readonly submits: SubmitRate;
  readonly registrations: RegistrationBound;
  readonly demand: Demand;
  readonly isOurs: (name: string) => boolean;
}

/** A call that takes its time does what it was asked for, and explains nothing. */
const isFailure = (fault: CallFault | undefined): boolean => fault !== undefined && fault.kind !== 'slow';

export class CallChecks {
  readonly #world: Surroundings;
  readonly #sent = new Set<string>();
  /** Runners whose mint is under way. */
  readonly #minting = new Set<string>();
  /** Submits whose answer was no word about a job, and whose fence Slurm has not taken yet, with their label. */
  readonly #inDoubt = new Map<string, string>();

  constructor(world: Surroundings) {
    this.#world = world;
    const { slurm, github } = world;
    slurm.onCancel = (job) => this.#cancelled(job);
    slurm.onSubmit = (name) => this.#submitted(name);
    slurm.onFence = (name) => this.#fenced(name);
    slurm.onComment = (name) => this.#commented(name);
    github.onDeregister = (name) => this.#deregistered(name);
    github.onMint = (name, wanted) => this.#minted(name, wanted);
    github.onMintEnd = (name) => void this.#minting.delete(name);
  }

  /** A Slurm job that works on a job, or whose runner can still get one, is cancelled by nobody but its user. */
  #cancelled(job: InProcessJob): void {
    const { history, isOurs } = this.#world;
    if (!isOurs(job.name)) history.violate(`Slurm job ${job.id} was cancelled, which is ${job.name}`);
    const node = this.#world.nodeOf(job.id);
    if (node?.job !== job || job.states[0] !== 'RUNNING') return;
    if (node.workflowJob?.status === 'in_progress')
      history.violate(`Slurm job ${job.id} was cancelled, which works on job ${node.workflowJob.id}`);
    // All that were ever minted for it; but not those whose minter had given up, which nobody has what it takes to use, nor those
    // of a process that Slurm has ended to start the job again.
    const { github } = this.#world;
    // Slurm was sent its submit twice, and the other one was given the claim.
    if (history.isAnothers(job)) return;
    const registered = [...github.state.runners.values()]
      .map(({ name }) => name)
      .filter(isOurs)
      .find((name) =>
        job.restarts > 0
          ? name === node.runnerName
          : name.startsWith(`${job.name}-`) && !github.lateMints.has(name),
      );
    if (registered !== undefined)
      history.violate(`Slurm job ${job.id} was cancelled while its runner ${registered} is registered`);
  }

  #submitted(name: string): void {
    const { query, history, waste, clock, github, slurm, submits } = this.#world;
    const [row] = query<{ state: string; profile: string }>(
      'select state, profile from allocations where slurm_job_name = ?',
      name,
    );
    if (row?.state !== 'submitting')
      history.violate(`${name} was submitted, and its row is ${row?.state ?? 'not there'}`);
    for (const attempt of attemptsTooMany(this.#world, name)) history.violate(attempt);
    const { faults, partitions } = slurm;
    const fault = faults.next('submit');
    if (faults.outage !== null || isFailure(fault) || partitions !== null)
      waste.note(name, 'its submit went wrong');
    if (row === undefined) return;
    if (!this.#sent.has(name)) this.#checkSupply(name, row.profile);
    this.#sent.add(name);
    const error = faults.outage?.() ?? (fault !== undefined && 'error' in fault ? fault.error : undefined);
    if (error instanceof SlurmError && !error.notCreated && partitions === null)
      this.#inDoubt.set(name, row.profile);
    const tooMany = submits.note(row.profile, github.state.jobs.values(), clock.monotonicMs());
    if (tooMany !== null) history.violate(tooMany);
  }

  /** The service dies: nobody hears what becomes of a submit that is under way. */
  noteDeath(): void {
    const { query } = this.#world;
    const rows = query<{ name: string; profile: string }>(
      "select slurm_job_name as name, profile from allocations where state = 'submitting'",
    );
    for (const { name, profile } of rows) if (this.#sent.has(name)) this.#inDoubt.set(name, profile);
  }

  /** A process of the service begins: nobody waits for the mints of the one before. */
  noteStart(): void {
    this.#minting.clear();
  }

  /** What the service writes there is an answer to the job. */
  #commented(name: string): void {
    const { slurm, waste } = this.#world;
    if (slurm.faults.outage !== null || isFailure(slurm.faults.next('setComment')))
      waste.note(name, 'its answer was not written');
  }

  #fenced(name: string): void {
    const { isOurs, history } = this.#world;
    this.#inDoubt.delete(name);
    if (!isOurs(name)) history.violate(`${name} was fenced, which is another's`);
  }

  /**
   * However long Slurm answers nothing: what may be there and what is there are no more than the jobs that the service was shown. What was
   * faster to claim than its answer was to be lost is in doubt no more.
   */
  #checkSupply(name: string, label: string): void {
    const { query, history, demand, registrations } = this.#world;
    const lost = [...this.#inDoubt].flatMap(([other, its]) => (its === label ? [other] : []));
    const [rows] = query<{ waiting: number; lost: number }>(
      `select sum(state <> 'ended') as waiting, sum(state = 'ended') as lost from allocations where profile = ?
        and (state in ('submitting', 'pending', 'claimed')
          or first_claimed_at is null and slurm_job_name in (${lost.map(() => '?').join()}))`,
      label,
      ...lost,
    );
    const { waiting, lost: unfenced } = { waiting: rows?.waiting ?? 0, lost: rows?.lost ?? 0 };
    const queued = demand.peak(label, registrations.answer);
    if (waiting + unfenced > queued)
      history.violate(
        `${name} was submitted beside ${waiting - 1} allocations and ${unfenced} lost submits, and ${queued} jobs were queued`,
      );
  }

  /** GitHub refuses to delete a runner that works; nobody asks it to who knows of it only what its list says. */
  #deregistered(name: string): void {
    const runner = this.#world.github.find(name);
    this.#world.registrations.noteDeletion(name);
    if (!this.#world.isOurs(name))
      this.#world.history.violate(`GitHub was asked to delete ${name}, which is another's`);
    this.#noteFault('deregister', name);
    if (runner === undefined || runner.jobId === null) return;
    const [row] = this.#world.query<{ state: RunnerRow['state'] }>(
      'select state from runners where name = ?',
      name,
    );
    if (row === undefined || !openRunnerStates.has(row.state))
      this.#world.history.violate(`GitHub was asked to delete ${name}, which works and is no row's`);
  }

  #minted(name: string, wanted: readonly string[]): void {
    this.#world.registrations.checkMint(name, wanted);
    this.#noteFault('mint', name);
    const other = [...this.#minting].find((minting) => slurmJobNameOf(minting) === slurmJobNameOf(name));
    if (other !== undefined)
      this.#world.history.violate(`${name} was minted while the mint of ${other} was under way`);
    this.#minting.add(name);
    const [row] = this.#world.query<{ state: string }>(
      'select a.state from runners r join allocations a on a.id = r.allocation_id where r.name = ?',
      name,
    );
    if (row?.state !== 'claimed')
      this.#world.history.violate(
        `the runner ${name} was minted, and its row is ${row?.state ?? 'not there'}`,
      );
  }

  #noteFault(call: 'mint' | 'deregister', runnerName: string): void {
    const { github, waste } = this.#world;
    const { faults } = github;
    if (faults.outage !== null || isFailure(faults.next(call)))
      waste.note(runnerName, `its ${call} went wrong`);
  }
}
