/**
 * A full disk must not end the service: runners are at work, and whatever they end as is found out later. But nothing may be
 * sent that was not written down before, and nothing that came back may be lost. So while the database can't be written, no
 * loop takes a turn, claims are asked to come again, and outcomes of calls that were under way wait in memory.
 */
import type { SteadyClock } from '../domain/steady-clock.ts';
import type { Store } from '../store/open-store.ts';
import { isUnwritable, tryWriting, unwritableSentence } from '../store/unwritable.ts';
import type { Log } from './log.ts';
import { type Failure, failureOf } from './observations.ts';

/** Room for one page is not always room for a turn: what comes and goes is said once a minute. */
const sayAgainMs = 60_000;
/** How long an outcome waits for others: little beside Slurm's own pace, and twenty commits a second are few. */
const togetherMs = 50;

export class DatabaseHealth {
  readonly #store: Store;
  readonly #clock: SteadyClock;
  readonly #log: Log;
  readonly #unwritten = new Map<string, () => void>();
  #outcomes = new Map<string, () => void>();
  #timer: NodeJS.Timeout | null = null;
  /** Monotonic time of the last sentence in the log, and whether this failure has had one. */
  #saidMs = Number.NEGATIVE_INFINITY;
  #said = false;
  failure: Failure | null = null;

  constructor({ store, clock, log }: { store: Store; clock: SteadyClock; log: Log }) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  /** True, and remembered, when the disk is why this failed; false for every other error. */
  note(error: unknown): boolean {
    if (!isUnwritable(error)) return false;
    const reason = `${unwritableSentence(error, this.#store.db.$client.name)} Nothing is submitted until then.`;
    this.failure = failureOf(new Error(reason), this.#clock.calendarMs(), this.failure);
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#saidMs >= sayAgainMs) {
      this.#saidMs = nowMs;
      this.#said = true;
      this.#log.error({ reason }, 'the database can not be written');
    }
    return true;
  }

  /** Tries to write, if the last time failed; what waits in memory comes first. False while that fails. */
  isWritable(): boolean {
    if (this.failure === null) return true;
    try {
      tryWriting(this.#store.db);
      for (const [key, write] of this.#unwritten) {
        write();
        this.#unwritten.delete(key);
      }
    } catch (error) {
      if (this.note(error)) return false;
      throw error;
    }
    this.failure = null;
    if (this.#said) this.#log.info({}, 'the database can be written again');
    this.#said = false;
    return true;
  }

  /** Writes an outcome that can't be asked for again: now, or as soon as there is room. */
  settle(key: string, write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!this.note(error)) throw error;
      this.#unwritten.set(key, write);
    }
  }

  /** The same within milliseconds, and with others: each commit waits for the disk, so what comes together shares one. */
  settleSoon(key: string, write: () => void): void {
    this.#outcomes.set(key, write);
    this.#timer ??= setTimeout(() => this.flush(), togetherMs);
  }

  /** Writes what waits for others to come. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const outcomes = this.#outcomes;
    if (outcomes.size === 0) return;
    this.#outcomes = new Map();
    try {
      this.#store.db.transaction(() => {
        for (const write of outcomes.values()) write();
      });
    } catch {
      // Nothing of it is written. One by one, so that what is wrong with one is not the others' trouble.
      for (const [key, write] of outcomes) this.#settleAlone(key, write);
    }
  }

  #settleAlone(key: string, write: () => void): void {
    try {
      this.settle(key, write);
    } catch (error) {
      this.#log.error({ err: error, effect: key }, 'effect failed');
    }
  }

  get isSettled(): boolean {
    return this.#outcomes.size === 0 && this.#unwritten.size === 0;
  }

  isUnsettled(key: string): boolean {
    return this.#outcomes.has(key) || this.#unwritten.has(key);
  }
}
