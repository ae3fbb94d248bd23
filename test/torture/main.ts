/**
 * `npm run torture -- --minutes 5`: crashes at every effect of every scenario, then random schedules for as long as is left, one
 * process a core. Ends with a table, and with 1 when something did not hold.
 */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import type { Done, Share } from './worker.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '5' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  console.error('usage: npm run torture -- [--minutes 5]');
  process.exit(64);
}

function start(share: Share): Promise<Done> {
  return new Promise((resolve, reject) => {
    const child = fork(join(import.meta.dirname, 'worker.ts'));
    child.once('message', (done) => resolve(done as Done));
    child.once('exit', (code) =>
      reject(new Error(`a worker has ended with ${code} before it told what it did`)),
    );
    child.send(share);
  });
}

const workers = availableParallelism();
const untilMs = Date.now() + minutes * 60_000;
const all = await Promise.all(
  Array.from({ length: workers }, (_, worker) => start({ worker, workers, untilMs })),
);
const sum = (count: (done: Done) => number): number => all.reduce((total, done) => total + count(done), 0);
const violations = all.flatMap((done) => done.violations);
const table = new Table({
  head: ['tried', `in ${minutes} min on ${workers} cores`],
  style: { head: [], border: [] },
});
table.push(
  ['points of the sweep, each before and after', sum((done) => done.points)],
  ['crashes', sum((done) => done.crashes)],
  ['random schedules', sum((done) => done.schedules)],
  ['events in them', sum((done) => done.events)],
  ['faults among these', sum((done) => done.faults)],
  ['violations', violations.length],
);
for (const violation of violations.slice(0, 20)) console.log(violation);
console.log(table.toString());
process.exitCode = violations.length === 0 ? 0 : 1;
