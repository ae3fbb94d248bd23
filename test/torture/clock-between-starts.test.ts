/**
 * The wall clock is set while no service runs, so that the database has times from the future, or from hours ago. What is checked by these
 * times can't be; everything else is: nothing twice, nothing cancelled that works, and nothing left in the end.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { inFolder } from './answer-order.ts';
import { live } from './live.ts';
import { type Kind, scheduleOf } from './schedule.ts';

const schedules = 400;
const kinds: readonly Kind[] = [
  'queue',
  'cancel',
  'setClock',
  'kill',
  'start',
  'crashAt',
  'slow',
  'slurm',
  'github',
  'nodeFail',
  'breakRunners',
  'minutes',
  'steps',
];
const byTimesOfRows =
  /was made for job|came to nothing|was given up as surplus|neither an allocation nor a reason/;

it(
  `holds in ${schedules} random schedules in which the clock is set between two starts`,
  () =>
    inFolder((files) =>
      fc.assert(
        fc.asyncProperty(scheduleOf(kinds), async (events) => {
          const sentences = await live(files, events, { keepsClock: true });
          expect(sentences.filter((sentence) => !byTimesOfRows.test(sentence))).toEqual([]);
        }),
        { seed: 1, numRuns: schedules },
      ),
    ),
  300_000,
);
