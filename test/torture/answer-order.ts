import { mkdtempSync, rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { memory } from './memory.ts';
import type { Files } from './sweep.ts';

/** What a process does that `askProcess` has started: one order, one answer, and it ends. */
export function answerOrder<Order, Answer extends object>(
  work: (files: Files, order: Order) => Promise<Answer>,
): void {
  // What needs a core when it needs one goes first.
  setPriority(10);
  process.once('message', (order: Order) => {
    void inFolder((files) => work(files, order))
      .then((answer) => process.send?.(answer))
      .finally(() => process.disconnect());
  });
}

/** With a migrated, empty database to copy, in a folder that is gone afterwards. */
export async function inFolder<Result>(work: (files: Files) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(memory, 'gha-slurm-torture-'));
  try {
    const template = join(folder, 'template.sqlite');
    migrateDatabase(template, 0);
    return await work({ template, databaseFile: join(folder, 'world.sqlite') });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
