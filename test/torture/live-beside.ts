/** Two services on one cluster and one repository, each with a profile of its own: a schedule for both, then quiet. */
import { join } from 'node:path';
import fc from 'fast-check';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { happen, type WorldEvent } from './events.ts';
import { ScheduledCrash } from './live.ts';
import { eventOf } from './schedule.ts';
import type { Files } from './sweep.ts';
import { World } from './world.ts';

const labels = ['slurm-small', 'slurm-large'] as const;

/** What happens, and to which of the two. */
export type Beside = readonly (readonly [0 | 1, WorldEvent])[];

export const schedulesBeside: fc.Arbitrary<Beside> = fc.array(fc.tuple(fc.constantFrom(0, 1), eventOf()), {
  minLength: 4,
  maxLength: 32,
});

/** Files of a second service beside those of the first, with an instance of its own. */
export function filesBeside(files: Files): readonly [Files, Files] {
  const folder = join(files.template, '..');
  const other = {
    template: join(folder, 'other-template.sqlite'),
    databaseFile: join(folder, 'other.sqlite'),
  };
  migrateDatabase(other.template, 0);
  return [files, other];
}

/** @returns what did not hold, of either. */
export async function liveBeside(files: readonly [Files, Files], events: Beside): Promise<readonly string[]> {
  const crashes = [new ScheduledCrash(), new ScheduledCrash()] as const;
  const first = new World({ ...files[0], crashes: crashes[0], slots: 3, labels: [labels[0]] });
  const second = new World({
    ...files[1],
    crashes: crashes[1],
    slots: 3,
    labels: [labels[1]],
    beside: first,
  });
  const worlds = [first, second] as const;
  try {
    for (const world of worlds) world.service.start();
    for (const [which, event] of events) {
      const world = worlds[which];
      const own = event.kind === 'queue' ? { ...event, label: labels[which] } : event;
      await happen(world, own, (point, side) => crashes[which].order(point, side));
      await world.step();
    }
    for (const each of crashes) each.clear();
    for (const world of worlds) world.faults.clear();
    for (const world of worlds) await world.quiet();
    return worlds.flatMap(({ invariants }) => invariants.history.violations);
  } finally {
    for (const world of worlds) world.end();
  }
}
