/**
 * Calls to the two sides, many at once and never the same one twice at the same time. An effect writes its own outcome
 * to the store; what it throws beyond that is a defect, or a database that can't be written.
 */
import PQueue from 'p-queue';
import { AtOnce } from '../domain/at-once.ts';

type Side = 'slurm' | 'github' | 'mailbox' | 'accounting';

export class Effects {
  readonly #queues: Record<Side | 'mint', PQueue>;
  readonly #running = new Set<string>();
  readonly #slurm = new AtOnce();
  readonly #failed: (error: unknown, key: string) => void;
  readonly #stopped = new AbortController();

  constructor(
    failed: (error: unknown, key: string) => void,
    concurrency: Readonly<Record<Exclude<Side, 'slurm'> | 'mint', number>>,
  ) {
    this.#failed = failed;
    this.#queues = {
      slurm: new PQueue({ concurrency: this.#slurm.count }),
      github: new PQueue({ concurrency: concurrency.github }),
      mint: new PQueue({ concurrency: concurrency.mint }),
      mailbox: new PQueue({ concurrency: concurrency.mailbox }),
      accounting: new PQueue({ concurrency: concurrency.accounting }),
    };
  }

  /**
   * Starts `effect` when its turn comes, unless one with the same key is waiting or running. What Slurm takes gets more of them at
   * once; `false` says that it was refused.
   */
  run(side: Side, key: string, effect: () => Promise<unknown>): void {
    if (this.#running.has(key) || this.#stopped.signal.aborted) return;
    this.#running.add(key);
    const queue = this.#queues[side];
    if (side === 'slurm' && queue.pending === 0) {
      this.#slurm.begin();
      queue.concurrency = this.#slurm.count;
    }
    queue
      .add(effect, { signal: this.#stopped.signal })
      .then((outcome) => this.#note(side, outcome !== false))
      .catch((error: unknown) => {
        if (!this.#stopped.signal.aborted) this.#failed(error, key);
      })
      .finally(() => this.#running.delete(key));
  }

  #note(side: Side, taken: boolean): void {
    if (side !== 'slurm') return;
    if (taken) this.#slurm.noteGood();
    else this.#slurm.noteRefused();
    this.#queues.slurm.concurrency = this.#slurm.count;
  }

  get areIdle(): boolean {
    return this.#running.size === 0;
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
