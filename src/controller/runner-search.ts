/**
 * What GitHub says of some runners of a scope: by one list of all of them, or by a look at each by its name, whichever is fewer
 * requests; and by name while no list can be had, so that nothing ever waits for a whole one.
 *
 *     list ┬→ it has the runner: told
 *          ├→ it lacks the runner for the first time: nobody can tell
 *          └→ it lacks the runner again: looked up by its name
 *     name ┬→ it is there, or was missed before, too: told
 *          ├→ it is not there for the first time: nobody can tell
 *          └→ no answer: no more looks this time
 *
 * A list that fails is asked for again at growing intervals: one that fails because it changes meanwhile was many requests.
 */
import { messageOf } from '../domain/errors.ts';
import type { Context } from './context.ts';
import type { RegisteredRunner } from './ports.ts';

/** A list may lack what is there. */
const absencesThatMatter = 2;
/** What one request of a list has. */
const pageSize = 100;
/** Looks by name at a time. */
const mostLooks = 20;
const firstRestMs = 120_000;
const longestRestMs = 600_000;

/** Null for one that is gone. */
export type Found = RegisteredRunner | null;

export class RunnerSearch {
  readonly #context: Context;
  readonly #scope: string;
  /** Answers in a row that lacked a runner, by name. */
  readonly #absences = new Map<string, number>();
  /** The number of the last look at each name. */
  readonly #lookedAt = new Map<string, number>();
  #looks = 0;
  /** Requests that the last whole list took; 0 before the first. */
  #pages = 0;
  /** Lists that failed in a row, why the last one did, and the monotonic time until which none is asked for. */
  #failures = 0;
  #failure = '';
  #restUntilMs = Number.NEGATIVE_INFINITY;

  constructor(context: Context, scope: string) {
    this.#context = context;
    this.#scope = scope;
  }

  /**
   * Tells `note` of each runner that there is word of, when it comes.
   * @param names all that are asked about for now: what was known of others is forgotten.
   * @returns those that no answer is about, with the reason.
   */
  async search(
    names: readonly string[],
    note: (name: string, found: Found) => void,
  ): Promise<ReadonlyMap<string, string>> {
    this.#keepOnly(new Set(names));
    const listed = names.length < this.#pages ? null : await this.#list();
    const missed: string[] = [];
    for (const name of names) {
      const runner = listed?.get(name);
      if (runner !== undefined) {
        this.#absences.delete(name);
        note(name, runner);
      } else if (listed === null || this.#countAbsence(name) >= absencesThatMatter) missed.push(name);
    }
    return this.#lookUp(missed, note);
  }

  /** Null when there is none to be had now. */
  async #list(): Promise<ReadonlyMap<string, RegisteredRunner> | null> {
    const { github, clock, log } = this.#context;
    const repo = this.#scope;
    if (clock.monotonicMs() < this.#restUntilMs) return null;
    try {
      const runners = await github.runners(repo);
      if (this.#failures > 0) log.info({ repo }, 'runners can be listed again');
      this.#failures = 0;
      this.#failure = '';
      this.#pages = Math.ceil(runners.length / pageSize);
      return new Map(runners.map((runner) => [runner.name, runner]));
    } catch (error) {
      const restMs = Math.min(longestRestMs, firstRestMs * 2 ** Math.min(this.#failures, 16));
      this.#failures += 1;
      this.#failure = messageOf(error);
      this.#restUntilMs = clock.monotonicMs() + restMs;
      const fields = { repo, failures: this.#failures, againInSeconds: restMs / 1_000, err: error };
      log.warn(fields, 'runners can not be listed, and are looked up by name');
      return null;
    }
  }

  /** Those that were not looked at for the longest come first. */
  async #lookUp(
    names: readonly string[],
    note: (name: string, found: Found) => void,
  ): Promise<ReadonlyMap<string, string>> {
    const { github, log } = this.#context;
    const left = names.toSorted((a, b) => (this.#lookedAt.get(a) ?? 0) - (this.#lookedAt.get(b) ?? 0));
    let reason = `${mostLooks} are looked up at a time. ${this.#failure}`.trimEnd();
    for (const name of left.slice(0, mostLooks)) {
      this.#looks += 1;
      this.#lookedAt.set(name, this.#looks);
      let found: Found;
      try {
        found = await github.runner(this.#scope, name);
      } catch (error) {
        log.warn({ repo: this.#scope, runnerName: name, err: error }, 'a runner can not be looked up yet');
        reason = messageOf(error);
        break;
      }
      left.splice(left.indexOf(name), 1);
      if (found !== null) this.#absences.delete(name);
      else if (this.#countAbsence(name) < absencesThatMatter) continue;
      note(name, found);
    }
    return new Map(left.map((name) => [name, reason]));
  }

  #countAbsence(name: string): number {
    const absences = (this.#absences.get(name) ?? 0) + 1;
    this.#absences.set(name, absences);
    return absences;
  }

  #keepOnly(names: ReadonlySet<string>): void {
    for (const map of [this.#absences, this.#lookedAt])
      for (const name of map.keys()) if (!names.has(name)) map.delete(name);
  }
}
