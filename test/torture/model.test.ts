/**
 * Random schedules of arrivals, cancellations, thefts, crashes, faults and delays; the invariants are looked at after every step. The
 * same schedules each time, each of a seed of its own: `npm run torture` tries others, and TORTURE_SEED=n plays again the one that it,
 * or this, has found.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inFolder } from './answer-order.ts';
import { askProcess } from './ask-process.ts';
import { foundBefore } from './found-before.ts';
import type { Found, Hunt } from './hunt.ts';
import { live } from './live.ts';
import { reportOfSchedules } from './report.ts';
import { sumOf } from './tally.ts';

const root = join(import.meta.dirname, '../..');
const seed = process.env['TORTURE_SEED'];
const schedules = seed === undefined ? 10_000 : 1;
const workers = Math.min(schedules, availableParallelism());
const firstSeed = Number(seed ?? 1);
/** They take less than four minutes on two cores; what else runs there goes first. */
const timeLimitMs = 15 * 60_000;

it(
  `holds in ${schedules} random schedules`,
  async () => {
    const begunMs = performance.now();
    const found = await Promise.all(
      Array.from({ length: workers }, (_, worker) =>
        askProcess<Hunt, Found>(root, 'hunt.ts', {
          firstSeed: firstSeed + worker,
          step: workers,
          schedules: Math.ceil((schedules - worker) / workers),
          shrink: true,
        }),
      ),
    );
    const violations = found.flatMap(({ violation }) => violation ?? []);
    const tally = sumOf(found.map((hunt) => hunt.tally));
    console.log(reportOfSchedules(tally, performance.now() - begunMs, workers, violations.length));
    expect(violations).toEqual([]);
    expect(found.reduce((total, hunt) => total + hunt.schedules, 0)).toBe(schedules);
  },
  timeLimitMs,
);

describe('what was found before', () => {
  it.each(foundBefore)('$what', async ({ events }) => {
    expect(await inFolder((files) => live(files, events))).toEqual([]);
  });
});
