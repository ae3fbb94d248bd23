/**
 * How many calls are under way at once. A slurmctld with `SlurmctldParameters=rl_enable` (30 calls, then 2 a second for each
 * user by default) refuses no call that the client would see: slurmrestd sleeps for a second or more, and asks again, on one
 * of its threads. So a call that takes that long is the sign: half as many go at once then, down to one, which is what such a
 * limit lets through; they become more again while calls are quick.
 */
import PQueue from 'p-queue';
import type { Clock } from '../domain/time.ts';
import type { CallKind } from './calls.ts';

export const mostAtOnce = 8;
/** What slurmrestd sleeps at least is a second; anything else that a healthy Slurm does for us takes milliseconds. */
const slowMs = 900;
const quickInARow = 10;

export class CallQueue {
  readonly #clock: Clock;
  readonly #queue = new PQueue({ concurrency: mostAtOnce });
  #quick = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get atOnce(): number {
    return this.#queue.concurrency;
  }

  run<T>({ priority }: CallKind, call: () => Promise<T>): Promise<T> {
    return this.#queue.add(
      async () => {
        const begunMs = this.#clock.monotonicMs();
        try {
          return await call();
        } finally {
          this.#note(this.#clock.monotonicMs() - begunMs);
        }
      },
      { priority },
    );
  }

  #note(tookMs: number): void {
    if (tookMs >= slowMs) {
      this.#quick = 0;
      this.#queue.concurrency = Math.max(1, Math.floor(this.#queue.concurrency / 2));
      return;
    }
    this.#quick += 1;
    if (this.#quick < quickInARow || this.#queue.concurrency >= mostAtOnce) return;
    this.#quick = 0;
    this.#queue.concurrency += 1;
  }
}
