/**
 * Two services on one cluster and one repository, in the same schedules: each crashes, is restored, repairs, sweeps registrations and
 * fences, and whatever is done to a Slurm job or a registration that is not the service's own is a violation.
 */
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { inFolder } from './answer-order.ts';
import { liveBeside, schedulesBeside } from './live-beside.ts';
import type { Files } from './sweep.ts';

const schedules = 400;

it(
  `two services leave each other's alone in ${schedules} random schedules`,
  () =>
    inFolder(async (files) => {
      const folder = join(files.template, '..');
      const other: Files = {
        template: join(folder, 'other-template.sqlite'),
        databaseFile: join(folder, 'other.sqlite'),
      };
      const { instanceId } = migrateDatabase(other.template, 0);
      expect(instanceId).not.toBe(migrateDatabase(files.template, 0).instanceId);
      await fc.assert(
        fc.asyncProperty(schedulesBeside, async (events) => {
          expect(await liveBeside([files, other], events)).toEqual([]);
        }),
        { seed: 1, numRuns: schedules },
      );
    }),
  300_000,
);
