/**
 * `npm run bench`: speed and cost on this machine, on real Slurm and the simulator, as one table. Figures of one run; the
 * bare loop of fetches beside them is what this machine and this slurmrestd give at best, so that ratios hold elsewhere.
 */
import Table from 'cli-table3';
import { OperatorError } from '../../src/domain/errors.ts';
import type { Figure } from './figure.ts';
import { idleCycle } from './idle-cycle.ts';
import { liveAllocations } from './live-allocations.ts';
import { workflowOf70 } from './workflow-of-70.ts';

const measurements: readonly (() => Promise<Figure[]>)[] = [workflowOf70, idleCycle, liveAllocations];

try {
  const table = new Table({ head: ['measured', 'figure', 'wanted', ''], style: { head: [], border: [] } });
  let holds = true;
  for (const measure of measurements) {
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
