/**
 * Calls to the two sides, many at once and never the same one twice at the same time. An effect writes its own outcome
 * to the store; what it throws beyond that is a defect, or a database that can't be written.
 */
import PQueue from 'p-queue';

type Side = 'slurm' | 'github' | 'mailbox' | 'accounting';

export class Effects {
  readonly #queues: Record<Side | 'mint', PQueue>;
  readonly #running = new Set<string>();
  readonly #failed: (error: unknown, key: string) => void;
  readonly #stopped = new AbortController();

  constructor(
    failed: (error: unknown, key: string) => void,
    concurrency: Readonly<Record<Side | 'mint', number>>,
  ) {
    this.#failed = failed;
    this.#queues = {
      slurm: new PQueue({ concurrency: concurrency.slurm }),
      github: new PQueue({ concurrency: concurrency.github }),
      mint: new PQueue({ concurrency: concurrency.mint }),
      mailbox: new PQueue({ concurrency: concurrency.mailbox }),
      accounting: new PQueue({ concurrency: concurrency.accounting }),
    };
  }

  /** Starts `effect` when its turn comes, unless one with the same key is waiting or running. */
  run(side: Side, key: string, effect: () => Promise<void>): void {
    if (this.#running.has(key) || this.#stopped.signal.aborted) return;
    this.#running.add(key);
    this.#queues[side]
      .add(effect, { signal: this.#stopped.signal })
      .catch((error: unknown) => {
        if (!this.#stopped.signal.aborted) this.#failed(error, key);
      })
      .finally(() => this.#running.delete(key));
  }

  isRunning(key: string): boolean {
    return this.#running.has(key);
  }

  /** First in, first out; the caller gets the result. */
  mint<T>(effect: () => Promise<T>): Promise<T> {
    return this.#queues.mint.add(effect, { signal: this.#stopped.signal });
  }

  /** Until nothing waits and nothing runs. */
  async idle(): Promise<void> {
    await Promise.all(Object.values(this.#queues).map((queue) => queue.onIdle()));
  }

  /** Drops what waits; what runs goes on to its own time limit, unless the process ends first. */
  stop(): void {
    this.#stopped.abort();
  }
}
