/** `integrity_check` in a thread of its own, for files whose check would hold up the start. */
import { Worker } from 'node:worker_threads';

export interface CheckBeside {
  /** What `findDamage` finds. Rejects when the file can't be checked, and never settles when it was stopped before. */
  readonly found: Promise<string | null>;
  stop(): void;
}

export function checkBeside(path: string): CheckBeside {
  const worker = new Worker(new URL('./check-worker.ts', import.meta.url), { workerData: path });
  // The process may end before.
  worker.unref();
  const found = new Promise<string | null>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return {
    found,
    stop() {
      void worker.terminate();
    },
  };
}
