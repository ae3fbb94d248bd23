/**
 * How many calls are under way at once. A slurmctld with `SlurmctldParameters=rl_enable` (30 calls, then 2 a second for each
 * user by default) refuses no call that the client would see: slurmrestd sleeps for a second or more, and asks again, on one
 * of its threads. So a call that takes that long is the sign: half as many go at once then, down to one, which is what such a
 * limit lets through; they become more again while calls are quick.
 */
import PQueue from 'p-queue';
import { AtOnce } from '../domain/at-once.ts';
import type { Clock } from '../domain/time.ts';
import type { CallKind } from './calls.ts';

/** What slurmrestd sleeps at least is a second; anything else that a healthy Slurm does for us takes milliseconds. */
const slowMs = 900;

export class CallQueue {
  readonly #clock: Clock;
  readonly #atOnce = new AtOnce();
  readonly #queue = new PQueue({ concurrency: this.#atOnce.count });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get atOnce(): number {
    return this.#queue.concurrency;
  }

  run<T>({ priority }: CallKind, call: () => Promise<T>): Promise<T> {
    if (this.#queue.pending === 0) {
      this.#atOnce.begin();
      this.#queue.concurrency = this.#atOnce.count;
    }
    return this.#queue.add(
      async () => {
        const begunMs = this.#clock.monotonicMs();
        const isSlow = (): boolean => this.#clock.monotonicMs() - begunMs >= slowMs;
        try {
          const answer = await call();
          this.#note(isSlow() ? 'slow' : 'good');
          return answer;
        } catch (error) {
          this.#note(isSlow() ? 'slow' : 'refused');
          throw error;
        }
      },
      { priority },
    );
  }

  #note(what: 'good' | 'slow' | 'refused'): void {
    if (what === 'good') this.#atOnce.noteGood();
    else if (what === 'slow') this.#atOnce.noteSlow();
    else this.#atOnce.noteRefused();
    this.#queue.concurrency = this.#atOnce.count;
  }
}
