/**
 * `npm run torture -- --minutes 5`: crashes at every place that asks for an effect, then random schedules for as long as is left, one
 * process a core. With `--every-point`, and from an hour on, it crashes at every point of every scenario, which takes minutes. Ends with
 * a table, and with 1 when something did not hold.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { askProcess } from './ask-process.ts';
import { coverageOf, findSites } from './coverage.ts';
import { reportOf, rowsOf, rowsOfTwo } from './report.ts';
import type { SweepShare } from './sweep.ts';
import { sumOf } from './tally.ts';
import type { Done } from './worker.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '5' }, 'every-point': { type: 'boolean', default: false } },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  console.error('usage: npm run torture -- [--minutes 5] [--every-point]');
  process.exit(64);
}

const root = join(import.meta.dirname, '../..');
const workers = availableParallelism();
const everyPointMinutes = 60;
const untilMs = Date.now() + minutes * 60_000;
const asked = Array.from({ length: workers }, (_, worker) =>
  askProcess<SweepShare, Done>(root, 'worker.ts', {
    worker,
    workers,
    every: values['every-point'] || minutes >= everyPointMinutes,
    untilMs,
  }),
);
const sites = findSites(root);
const all = await Promise.all(asked);
const swept = all.map((done) => done.swept);
const coverage = coverageOf(sites, swept);
const besides = sumOf(all.map((done) => done.beside));
const violations = all.flatMap((done) => [...done.swept.violations, ...done.violations]);
for (const violation of violations.slice(0, 20)) console.log(violation);
for (const missing of coverage.missing) console.log(`not covered: ${missing}`);
console.log(
  reportOf(swept, coverage, {
    head: ['tried', `in ${minutes} min on ${workers} cores`],
    rows: [
      ...rowsOf(sumOf(all.map((done) => done.tally))),
      ...rowsOfTwo(besides),
      ['violations', violations.length],
    ],
  }),
);
process.exitCode = violations.length + coverage.missing.length === 0 ? 0 : 1;
