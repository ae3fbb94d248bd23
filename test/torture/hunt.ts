/**
 * One process that searches: random schedules of one seed until something does not hold, or until there were enough. Tells by IPC
 * what it found. It runs from any copy of the project.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { schedule } from './events.ts';
import { live } from './live.ts';
import { memory } from './memory.ts';

export interface Hunt {
  readonly seed: number;
  readonly schedules: number;
  /** Looks for the shortest schedule that breaks the same; takes a hundred lives more. */
  readonly shrink: boolean;
}

export interface Found {
  /** Schedules lived through, the shrinking of a failing one included. */
  readonly lived: number;
  /** The shortest schedule that breaks something, and what it breaks; null when all held. */
  readonly violation: { readonly schedule: string; readonly sentences: readonly string[] } | null;
}

async function hunt({ seed, schedules, shrink }: Hunt): Promise<Found> {
  const folder = mkdtempSync(join(memory, 'gha-slurm-hunt-'));
  const files = { template: join(folder, 'template.sqlite'), databaseFile: join(folder, 'world.sqlite') };
  let lived = 0;
  try {
    migrateDatabase(files.template, 0);
    const result = await fc.check(
      fc.asyncProperty(schedule, async (events) => {
        lived += 1;
        return (await live(files, events)).length === 0;
      }),
      { seed, numRuns: schedules, endOnFailure: !shrink },
    );
    const [events] = result.counterexample ?? [];
    if (events === undefined) return { lived, violation: null };
    const sentences = [...new Set(await live(files, events))];
    return { lived, violation: { schedule: JSON.stringify(events), sentences } };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// What needs a core when it needs one goes first.
setPriority(10);
process.once('message', (order: Hunt) => {
  void hunt(order)
    .then((found) => process.send?.(found))
    .finally(() => process.disconnect());
});
