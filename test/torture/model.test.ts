/**
 * Random schedules of arrivals, cancellations, thefts, crashes, faults and delays; the invariants are looked at after every step. The
 * same schedules each time: `npm run torture` tries others, and TORTURE_SEED=n with TORTURE_RUNS=n repeats what it found.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { foundBefore } from './found-before.ts';
import { live } from './live.ts';
import { memory } from './memory.ts';
import { startHunt } from './start-hunt.ts';
import type { Files } from './sweep.ts';

const root = join(import.meta.dirname, '../..');
const workers = availableParallelism();
const schedules = Number(process.env['TORTURE_RUNS'] ?? 10_000);
const firstSeed = Number(process.env['TORTURE_SEED'] ?? 1);
/** They take four to five minutes on two cores that have nothing else to do. */
const timeLimitMs = 15 * 60_000;

it(
  `holds in ${schedules} random schedules`,
  async () => {
    const share = Math.ceil(schedules / workers);
    const found = await Promise.all(
      Array.from({ length: workers }, (_, worker) =>
        startHunt(root, { seed: firstSeed + worker, schedules: share, shrink: true }),
      ),
    );
    expect(found.flatMap(({ violation }) => violation ?? [])).toEqual([]);
    expect(found.reduce((total, { lived }) => total + lived, 0)).toBeGreaterThanOrEqual(schedules);
  },
  timeLimitMs,
);

describe('what was found before', () => {
  let files: Files;
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(memory, 'gha-slurm-model-'));
    files = { template: join(folder, 'template.sqlite'), databaseFile: join(folder, 'world.sqlite') };
    migrateDatabase(files.template, 0);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(foundBefore)('$what', async ({ events }) => {
    expect(await live(files, events)).toEqual([]);
  });
});
