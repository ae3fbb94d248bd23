import { expect, it } from 'vitest';
import { refusedField } from '../../src/domain/refused-fields.ts';

it.each([
  ['array', '0-3', 'one allocation is one Slurm job'],
  ['crontab', { minute: '*' }, 'one allocation is one Slurm job'],
  ['hetjob_group', 1, 'one allocation is one Slurm job'],
  ['minimum_nodes', 2, 'one task on one node'],
  ['maximum_nodes', 3, 'one task on one node'],
  ['tasks_per_node', 2, 'one task on one node'],
  ['hold', true, 'held'],
  ['priority', 0, 'held'],
  ['priority', { set: true, infinite: false, number: 0 }, 'held'],
  ['begin_time', { set: true, number: 4_000_000_000 }, 'a point in time'],
  ['kill_on_node_fail', false, 'has to end'],
  ['clusters', 'other', 'slurm.url'],
  ['required_nodes', ['n1', 'n2'], 'one task on one node'],
  ['required_nodes', 'n[1-2]', 'one task on one node'],
  ['flags', ['SPREAD_JOB', 'CRON_JOB'], 'CRON_JOB: '],
  ['flags', ['EXTERNAL_JOB'], 'no batch script'],
] as const)('%s %j is refused', (field, value, words) => {
  expect(refusedField(field, value)).toContain(words);
});

it.each([
  ['wckey', 'ci'],
  ['priority', { set: true, infinite: false, number: 5 }],
  ['flags', ['SPREAD_JOB']],
  ['mcs_label', 'ci'],
  ['required_nodes', ['n1']],
  ['reboot', true],
] as const)('%s %j is not', (field, value) => {
  expect(refusedField(field, value)).toBeNull();
});
