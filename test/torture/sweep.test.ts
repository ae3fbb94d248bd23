/** A crash at every place in the source that asks for an effect. In processes of plain Node: a place is a line, and vitest rewrites lines. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { askProcess } from './ask-process.ts';
import { coverageOf, findSites } from './coverage.ts';
import { reportOf } from './report.ts';
import type { SweepShare, Swept } from './sweep.ts';

const root = join(import.meta.dirname, '../..');
const workers = availableParallelism();

it('holds when the service dies before and after every effect', async () => {
  const asked = Array.from({ length: workers }, (_, worker) =>
    askProcess<SweepShare, Swept>(root, 'sweep-process.ts', {
      worker,
      workers,
      every: false,
      untilMs: Number.POSITIVE_INFINITY,
    }),
  );
  const all = await Promise.all(asked);
  const coverage = coverageOf(findSites(root), all);
  console.log(reportOf(all, coverage));
  expect(all.flatMap(({ violations }) => violations)).toEqual([]);
  expect(coverage.missing).toEqual([]);
  expect(coverage.unknown).toEqual([]);
});
