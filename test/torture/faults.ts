/** What goes wrong: calls that fail, sides that answer nothing, nodes whose word is lost. Each says what it may cost. */
import type { GitHubPort } from '../../src/controller/ports.ts';
import type { WholeSlurm } from '../../src/controller/repair.ts';
import type { CallFault } from '../controller/call-faults.ts';
import { gitHubFailures } from '../controller/in-process-github.ts';
import { slurmFailures } from '../controller/in-process-slurm.ts';
import type { Happening } from './meanwhile.ts';
import { Troubles } from './troubles.ts';
import type { World } from './world.ts';

export type SlurmCall = keyof WholeSlurm;
export type GitHubCall = Exclude<keyof GitHubPort, 'pollDelayMs' | 'rateLimit'>;

export interface SlowCalls {
  readonly call: SlurmCall | GitHubCall;
  readonly when: 'before' | 'after';
  /** What happens while each of them is held. */
  readonly meanwhile: readonly Happening[];
  readonly times: number;
}

const gitHubCallNames: ReadonlySet<string> = new Set<GitHubCall>([
  'observe',
  'mint',
  'deregister',
  'runners',
  'runner',
]);
export const isGitHubCall = (call: SlurmCall | GitHubCall): call is GitHubCall => gitHubCallNames.has(call);

export class Faults {
  readonly troubles = new Troubles();
  readonly #world: World;
  /** Steps that are left of Slurm's refusals, and of outages. */
  #refusals = 0;
  #fullSteps = 0;
  readonly #outages = new Map<{ outage: (() => Error) | null }, number>();

  constructor(world: World) {
    this.#world = world;
  }

  /** The next so many calls of that name to Slurm go wrong. */
  failSlurm(call: SlurmCall, fault: CallFault, times = 1): void {
    this.#world.slurm.faults.order(call, fault, times);
  }

  /** The next so many calls of that name to GitHub go wrong. */
  failGitHub(call: GitHubCall, fault: CallFault, times = 1): void {
    this.#world.github.faults.order(call, fault, times);
  }

  /** The next so many calls of that name take their time, before they take effect or before they are answered. */
  slow(calls: SlowCalls): void {
    const { call, when, times } = calls;
    const fault = { kind: 'slow', [when]: this.#world.meanwhile.of(calls) } as const;
    if (isGitHubCall(call)) this.failGitHub(call, fault, times);
    else this.failSlurm(call, fault, times);
  }

  /** Slurm answers nothing for so many steps: whatever waits then has been submitted, and nothing more is. */
  stopSlurm(steps: number): void {
    const { faults } = this.#world.slurm;
    faults.outage = slurmFailures.timeout;
    this.#outages.set(faults, steps);
  }

  /** Slurm refuses every submit for so many steps: what is queued once, and then a try a pool after each growing interval. */
  refuseSubmits(steps: number): void {
    this.#world.slurm.partitions = new Set();
    this.#refusals = steps;
  }

  /** GitHub answers nothing for so many steps: each Slurm job may ask for its runner too often until it does again. */
  stopGitHub(steps: number): void {
    const { faults } = this.#world.github;
    faults.outage = gitHubFailures.unavailable;
    this.#outages.set(faults, steps);
  }

  /** GitHub gives nothing to any runner: each idles out, and the next is tried, without end. */
  withholdJobs(on: boolean): void {
    this.troubles.withholdsJobs = on;
  }

  /** The next so many answers and reports between a node and the service are lost. */
  loseAnswers(count: number): void {
    this.troubles.lostAnswers.order(count);
  }

  /** The next so many runners that are started die at once, and their batch script waits for them for ever. */
  breakRunners(count: number): void {
    this.troubles.brokenRunners.order(count);
  }

  /** The batch scripts of the next so many runners that have done their job do not end. */
  linger(count: number): void {
    this.troubles.lingerers.order(count);
  }

  /** The next so many batch scripts find that their node can't run them. */
  lackOnNodes(count: number): void {
    this.troubles.unfitNodes.order(count);
  }

  /** No node reaches the service for so many minutes. */
  cutOff(minutes: number): void {
    this.troubles.cutOffUntilMs = this.#world.clock.monotonicMs() + minutes * 60_000;
  }

  get isCutOff(): boolean {
    return this.#world.clock.monotonicMs() < this.troubles.cutOffUntilMs;
  }

  /** Nothing can be written for so many steps. */
  fillDisk(steps: number): void {
    this.#world.service.fillDisk();
    this.#fullSteps = steps;
  }

  /** What took effect late does so now. */
  settle(): void {
    this.#world.slurm.faults.settle();
    this.#world.github.faults.settle();
  }

  /** A step of the world: outages and refusals come to their end. */
  step(): void {
    this.#refusals -= 1;
    if (this.#refusals < 0) this.#world.slurm.partitions = null;
    this.#fullSteps -= 1;
    if (this.#fullSteps < 0) this.#world.service.makeRoom();
    for (const [faults, steps] of this.#outages) {
      this.#outages.set(faults, steps - 1);
      if (steps <= 0) faults.outage = null;
    }
  }

  /** No more trouble. */
  clear(): void {
    const { slurm, github } = this.#world;
    this.settle();
    slurm.faults.clear();
    github.faults.clear();
    github.lagging.clear();
    slurm.partitions = null;
    this.troubles.lostAnswers.order(0);
    this.troubles.withholdsJobs = false;
    this.troubles.cutOffUntilMs = 0;
    this.#world.service.makeRoom();
  }
}
