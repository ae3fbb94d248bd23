/**
 * `npm run bench`: speed and cost on this machine, on real Slurm and the simulator, as one table. Figures of one run; the
 * bare loop of fetches beside them is what this machine and this slurmrestd give at best, so that ratios hold elsewhere.
 */

import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { releases } from '../../slurm/cluster/root-file-system.ts';
import { OperatorError } from '../../src/domain/errors.ts';
import type { Figure } from './figure.ts';
import { idleCycle } from './idle-cycle.ts';
import { liveAllocations } from './live-allocations.ts';
import { monitoring, restart } from './many-allocations.ts';
import { nodeStart } from './node-start.ts';
import { throughput } from './throughput.ts';
import { workflowOf70 } from './workflow-of-70.ts';

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const measurements: Readonly<Record<string, () => Promise<Figure[]>>> = {
  workflow: workflowOf70,
  idle: idleCycle,
  live: liveAllocations,
  'node-start': nodeStart,
  ...Object.fromEntries(
    releases.flatMap((release) => [
      [`throughput-${release}`, () => throughput(release)],
      [`monitoring-${release}`, () => monitoring(release)],
      [`restart-${release}`, () => restart(release)],
    ]),
  ),
};
const chosen = Object.entries(measurements).filter(
  ([name]) => values.only === undefined || name.includes(values.only),
);
if (chosen.length === 0) {
  console.error(
    `usage: npm run bench -- [--only NAME]; the names are ${Object.keys(measurements).join(', ')}`,
  );
  process.exit(64);
}

try {
  const table = new Table({ head: ['measured', 'figure', 'wanted', ''], style: { head: [], border: [] } });
  let holds = true;
  for (const [, measure] of chosen) {
    for (const { what, figure, wanted, met } of await measure()) {
      holds &&= met;
      table.push([what, figure, wanted, met ? 'met' : 'MISSED']);
      console.log(`${what}: ${figure}`);
    }
  }
  console.log(table.toString());
  process.exitCode = holds ? 0 : 1;
} catch (error) {
  console.error(error instanceof OperatorError ? error.message : error);
  process.exitCode = error instanceof OperatorError ? error.exitCode : 1;
}
