import { expect, it } from 'vitest';
import { parseJob } from '../../src/slurm/parse-job.ts';

const number = (value: number) => ({ set: true, infinite: false, number: value });

it('of a job that waits: why, and when Slurm expects to start it, if it does', () => {
  const record = {
    job_id: 7,
    name: 'ours',
    user_name: 'gha',
    job_state: ['PENDING'],
    state_reason: 'Priority',
  };
  const waits = { id: 7, name: 'ours', user: 'gha', states: ['PENDING'], reason: 'Priority', node: null };
  expect(parseJob({ ...record, start_time: number(1_800_000_000) })).toMatchObject({
    ...waits,
    expectedStartMs: 1_800_000_000_000,
  });
  expect(parseJob({ ...record, start_time: number(0) })).toMatchObject({ ...waits, expectedStartMs: null });
  expect(parseJob(record)).toMatchObject({ ...waits, expectedStartMs: null });
});

it('of a job that is over: where it ran, and what it ended with', () => {
  const record = {
    job_id: 7,
    job_state: ['FAILED'],
    state_reason: 'None',
    nodes: 'node7',
    exit_code: { return_code: number(3) },
    comment: 'words',
  };
  expect(parseJob(record)).toMatchObject({ reason: null, node: 'node7', exitCode: 3, comment: 'words' });
  expect(parseJob({ job_id: 7, nodes: '', exit_code: { return_code: { set: false } } })).toMatchObject({
    node: null,
    exitCode: null,
    comment: '',
  });
});
