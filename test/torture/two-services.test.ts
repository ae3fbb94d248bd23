/**
 * Two services on one cluster and one repository, in the same schedules: each crashes, is restored, repairs, sweeps registrations and
 * fences, and whatever is done to a Slurm job or a registration that is not the service's own is a violation.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { inFolder } from './answer-order.ts';
import { type Beside, filesBeside, liveBeside, schedulesBeside } from './live-beside.ts';
import type { Files } from './sweep.ts';

/** `npm run torture` plays others, and says what plays one of them again. */
const seed = process.env['TORTURE_BESIDE_SEED'];
const schedules = seed === undefined ? 400 : 1;

/** With files of two services, which have instances of their own. */
const withBoth = (live: (files: readonly [Files, Files]) => Promise<void>): Promise<void> =>
  inFolder(async (files) => {
    const [first, second] = filesBeside(files);
    const { instanceId } = migrateDatabase(second.template, 0);
    expect(instanceId).not.toBe(migrateDatabase(first.template, 0).instanceId);
    await live([first, second]);
  });

/** The first of them is the one that something is done to. */
const repairs = (first: 0 | 1): Beside => {
  const second = first === 0 ? 1 : 0;
  return [
    [first, { kind: 'queue', count: 2, label: '' }],
    [second, { kind: 'queue', count: 2, label: '' }],
    [first, { kind: 'backUp' }],
    // Of these the backup knows nothing; some are at work, some wait.
    [first, { kind: 'queue', count: 4, label: '' }],
    [second, { kind: 'queue', count: 4, label: '' }],
    [first, { kind: 'slurm', call: 'submit', side: 'late', failure: 'timeout', times: 1 }],
    [first, { kind: 'queue', count: 1, label: '' }],
    [first, { kind: 'steps', count: 1 }],
    [first, { kind: 'restore' }],
    [second, { kind: 'github', call: 'mint', side: 'late', failure: 'unavailable', times: 1 }],
    [second, { kind: 'kill' }],
    [first, { kind: 'steps', count: 3 }],
    [second, { kind: 'start' }],
  ];
};

it.each([0, 1] as const)('service %i is restored, and repairs, while the other has work under way', (first) =>
  withBoth(async (files) => {
    expect(await liveBeside(files, repairs(first))).toEqual([]);
  }),
);

it(
  `two services leave each other's alone in ${schedules} random schedules`,
  () =>
    withBoth(async (files) => {
      await fc.assert(
        fc.asyncProperty(schedulesBeside, async (events) => {
          expect(await liveBeside(files, events)).toEqual([]);
        }),
        { seed: Number(seed ?? 1), numRuns: schedules },
      );
    }),
  300_000,
);
