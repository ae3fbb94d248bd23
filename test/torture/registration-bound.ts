/**
 * Unstarted registrations, those of ours that GitHub has and that have no job, never exceed the greatest number of queued jobs that
 * GitHub showed within a window. Two bounds, each as tight as can be proved:
 *
 * - **At a mint** the window begins with the last whole answer that the service has had. It mints only when the queued jobs of that
 *   answer are more than its claims and what waits for its deletion, and a process that has had no answer refuses claims. Lists may lag,
 *   by 15 s: what counts is what they showed, so the lag is no part of the window. While GitHub answers nothing, the window grows.
 * - **After each turn** it begins with the last answer that is older than the surplus grace, in a row of turns in which the service
 *   lived and GitHub answered whole. Had every plan since then seen more runners than jobs, the grace would be over, and the spare ones
 *   released and deleted within this turn; so one of them saw as many jobs as runners. A start forgets the surplus, and an answer that
 *   failed lets nothing be released: after either the row begins anew, and until it is as long as the grace the window stays where it
 *   began; the bound at mints keeps the number in it. A registration that GitHub was asked to delete, and has kept, is not
 *   counted here, unless its allocation is claimed again.
 */
import type { InProcessGitHub } from '../controller/in-process-github.ts';
import type { Demand } from './demand.ts';

interface Surroundings {
  readonly github: InProcessGitHub;
  readonly demand: Demand;
  readonly labels: readonly string[];
  readonly graceMs: number;
  /** The name is of ours. */
  readonly isOurs: (name: string) => boolean;
  /** Names of open registrations whose allocation is claimed. */
  readonly claimed: () => ReadonlySet<string>;
  readonly violate: (what: string) => void;
}

export class RegistrationBound {
  readonly #world: Surroundings;
  /** The look at demand that goes with the last whole answer, and whether that came in this turn. */
  #answer = 0;
  #answered = false;
  /** Turns in a row with a whole answer: those within the grace, and the last one before it. */
  #turns: { readonly atMs: number; readonly answer: number }[] = [];
  /** The look that the window after each turn begins with. */
  #since = 0;
  readonly #asked = new Set<string>();

  constructor(world: Surroundings) {
    this.#world = world;
  }

  /** The look at demand that goes with the last whole answer that the service has had. */
  get answer(): number {
    return this.#answer;
  }

  /** The look that the window after each turn begins with. */
  get since(): number {
    return this.#since;
  }

  /** A process of the service begins: it remembers no surplus. */
  noteStart(): void {
    this.#turns = [];
    this.#answered = false;
  }

  /** The service has had a whole answer, which showed what this look at demand has. */
  noteAnswer(look: number): void {
    this.#answer = look;
    this.#answered = true;
  }

  noteDeletion(name: string): void {
    this.#asked.add(name);
  }

  /** Before GitHub has it. */
  checkMint(name: string, [label = '']: readonly string[]): void {
    const { demand, violate } = this.#world;
    const idle = this.#idle(label).length;
    const peak = demand.peak(label, this.#answer);
    if (idle >= peak)
      violate(
        `${name} was minted beside ${idle} idle registrations for ${label}, and ${peak} jobs were queued`,
      );
  }

  /** After a turn. */
  check(nowMs: number, isAlive: boolean): void {
    const { demand, labels, graceMs, claimed, violate } = this.#world;
    if (this.#answered && isAlive) this.#turns.push({ atMs: nowMs, answer: this.#answer });
    else this.#turns = [];
    this.#answered = false;
    while ((this.#turns[1]?.atMs ?? nowMs) <= nowMs - graceMs) this.#turns.shift();
    const [first] = this.#turns;
    if (first !== undefined && first.atMs <= nowMs - graceMs) this.#since = first.answer;
    for (const label of labels) {
      const idle = this.#idle(label);
      const peak = demand.peak(label, this.#since);
      if (idle.length <= peak) continue;
      const wanted = claimed();
      const kept = idle.filter((name) => wanted.has(name) || !this.#asked.has(name));
      if (kept.length > peak)
        violate(`${kept.length} idle registrations for ${label}, and ${peak} jobs were queued at most`);
    }
  }

  #idle(label: string): string[] {
    const { github, isOurs } = this.#world;
    return [...github.state.runners.values()]
      .filter(
        (runner) =>
          runner.jobId === null &&
          isOurs(runner.name) &&
          runner.labels.includes(label) &&
          !github.lateMints.has(runner.name),
      )
      .map(({ name }) => name);
  }
}
