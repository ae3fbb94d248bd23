import { expect, it } from 'vitest';
import { parseAccounting } from '../../src/slurm/parse-accounting.ts';

const step = (...counts: number[]) => ({
  tres: {
    requested: {
      max: [
        { type: 'cpu', name: '', id: 1, count: 1_070 },
        ...counts.map((count) => ({ type: 'mem', name: '', id: 2, count, task: 0, node: 'node' })),
      ],
    },
  },
});

const record = {
  job_id: 7,
  name: 'gha-x-a',
  user: 'gha',
  state: { current: ['OUT_OF_MEMORY'], reason: 'None' },
  nodes: 'node7',
  exit_code: { status: ['ERROR'], return_code: { set: true, infinite: false, number: 137 } },
  // Of a job that runs, Slurm 26.05 gives the present as its end.
  time: { submission: 100, start: 110, end: 200 },
  steps: [step(104_685_568), step(222_298_112), step()],
};

it('reads a record, with the memory of its greatest step', () => {
  expect(parseAccounting([record])).toEqual([
    {
      id: 7,
      name: 'gha-x-a',
      user: 'gha',
      states: ['OUT_OF_MEMORY'],
      node: 'node7',
      exitCode: 137,
      peakMemoryMiB: 212,
    },
  ]);
});

it('rounds up: what used something did not use nothing', () => {
  expect(parseAccounting([{ ...record, steps: [step(1)] }])).toMatchObject([{ peakMemoryMiB: 1 }]);
});

it('has no peak where nothing was sampled, and none of what Slurm has no number for', () => {
  for (const steps of [[], [step()], [step(0)], [step(-2)], [{ tres: null }], [{}]]) {
    expect(parseAccounting([{ ...record, steps }])).toMatchObject([{ peakMemoryMiB: null }]);
  }
});

it('a job that never had a node has none', () => {
  for (const nodes of ['None assigned', '', null, undefined]) {
    expect(parseAccounting([{ ...record, nodes }])).toMatchObject([{ node: null }]);
  }
});

it('gives the newest last: by their submit, and by their start where Slurm has started one again', () => {
  const named = (name: string, submission: number, start: number) => ({
    ...record,
    name,
    time: { submission, start },
  });
  const records = [named('c', 200, 210), named('b', 100, 300), named('a', 100, 110)];
  expect(parseAccounting(records).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
});

it('lives with all that may be missing', () => {
  expect(parseAccounting([{ job_id: 7 }])).toEqual([
    { id: 7, name: '', user: null, states: [], node: null, exitCode: null, peakMemoryMiB: null },
  ]);
});
