/** Random schedules of arrivals, cancellations, thefts, crashes, faults and delays; the invariants are checked after every step. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { schedule } from './events.ts';
import { live } from './live.ts';
import { memory } from './memory.ts';
import type { Files } from './sweep.ts';

let files: Files;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(memory, 'gha-slurm-model-'));
  files = { template: join(folder, 'template.sqlite'), databaseFile: join(folder, 'world.sqlite') };
  migrateDatabase(files.template, 0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('holds whatever happens', async () => {
  await fc.assert(
    fc.asyncProperty(schedule, async (events) => {
      expect(await live(files, events)).toEqual([]);
    }),
    {
      numRuns: Number(process.env['TORTURE_RUNS'] ?? 300),
      endOnFailure: false,
      ...(process.env['TORTURE_SEED'] === undefined ? {} : { seed: Number(process.env['TORTURE_SEED']) }),
    },
  );
});
