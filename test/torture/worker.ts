/** One process of `npm run torture`: its share of the sweep, then random schedules until the time is over. Tells by IPC what it did. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { schedule, type WorldEvent } from './events.ts';
import { live } from './live.ts';
import { memory } from './memory.ts';
import { scenarios } from './scenarios.ts';
import { crashAt, findPoints } from './sweep.ts';

export interface Share {
  readonly worker: number;
  readonly workers: number;
  readonly untilMs: number;
}

export interface Done {
  points: number;
  crashes: number;
  schedules: number;
  events: number;
  faults: number;
  /** Sentences, with what replays them. */
  readonly violations: string[];
}

const sides = ['before', 'after'] as const;
/** Schedules of one seed. */
const batch = 25;
const faulty: ReadonlySet<WorldEvent['kind']> = new Set([
  'slurm',
  'github',
  'loseAnswers',
  'breakRunners',
  'nodeFail',
  'flagRequeued',
  'requeue',
  'forget',
  'reuse',
  'deleteRunner',
  'restore',
  'lag',
]);

async function work({ worker, workers, untilMs }: Share): Promise<void> {
  const folder = mkdtempSync(join(memory, 'gha-slurm-torture-'));
  const files = { template: join(folder, 'template.sqlite'), databaseFile: join(folder, 'world.sqlite') };
  const done: Done = { points: 0, crashes: 0, schedules: 0, events: 0, faults: 0, violations: [] };
  try {
    migrateDatabase(files.template, 0);
    for (const scenario of scenarios) {
      const { points } = await findPoints(scenario, files);
      for (const point of points.filter(({ index }) => index % workers === worker)) {
        if (Date.now() > untilMs) break;
        done.points += 1;
        for (const side of sides) {
          done.crashes += 1;
          for (const what of await crashAt(scenario, files, point, side)) {
            done.violations.push(`"${scenario.name}", ${side} ${point.name} (${point.index}): ${what}`);
          }
        }
      }
    }
    while (Date.now() < untilMs) {
      const seed = Math.floor(Math.random() * 2 ** 31);
      const result = await fc.check(
        fc.asyncProperty(schedule, async (events) => {
          done.schedules += 1;
          done.events += events.length;
          done.faults += events.filter(({ kind }) => faulty.has(kind)).length;
          done.crashes += events.filter(({ kind }) => kind === 'kill' || kind === 'crashAt').length;
          return (await live(files, events)).length === 0;
        }),
        { seed, numRuns: batch },
      );
      if (result.failed)
        done.violations.push(`TORTURE_SEED=${seed}: ${JSON.stringify(result.counterexample)}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.send?.(done);
}

process.once('message', (share: Share) => {
  void work(share).finally(() => process.disconnect());
});
