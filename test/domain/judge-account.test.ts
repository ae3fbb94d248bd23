import { expect, it } from 'vitest';
import type { Association } from '../../src/domain/cluster.ts';
import { judgeAccount } from '../../src/domain/judge-account.ts';
import type { Profile } from '../../src/domain/profile.ts';

const associations: readonly Association[] = [
  { account: 'ci', isDefault: true, partition: '', qos: ['normal', 'high'] },
  { account: 'hpc', isDefault: false, partition: 'long', qos: ['normal'] },
];
const profile: Profile = { name: 's', partition: 'ci', cpus: 1, memoryMiB: 1, timeLimitMinutes: 1 };
const judge = (changes: Partial<Profile>, known: readonly Association[] | null = associations) =>
  judgeAccount({ ...profile, ...changes }, known, 'gha');
const where = 'Slurm refuses that where it enforces associations (AccountingStorageEnforce)';

it.each<Partial<Profile>>([
  {},
  { account: 'ci', qos: 'high' },
  // Slurm takes names of accounts without regard to case.
  { account: 'CI' },
  { qos: 'low,normal' },
  { partition: 'ci,long', account: 'hpc' },
])('%j is what accounting has', (changes) => {
  expect(judge(changes)).toEqual({ doubts: [], unknown: [] });
});

it.each<readonly [Partial<Profile>, readonly Association[], string]>([
  [{}, [], 'Accounting has no default account of the user gha for the partition ci (it has none)'],
  [
    { account: 'bio' },
    associations,
    'Accounting has no account bio of the user gha for the partition ci (it has ci)',
  ],
  [
    { account: 'hpc' },
    associations,
    'Accounting has no account hpc of the user gha for the partition ci (it has ci)',
  ],
  [
    { qos: 'low' },
    associations,
    'Accounting has no qos low of the user gha with the account ci (it has normal, high)',
  ],
])('%j may be refused', (changes, known, sentence) => {
  expect(judge(changes, known)).toEqual({ doubts: [`${sentence}: ${where}.`], unknown: [] });
});

it('is not known where accounting can not be asked, and matters only where a profile names something', () => {
  expect(judge({}, null)).toEqual({ doubts: [], unknown: [] });
  expect(judge({ account: 'ci', qos: 'high' }, null).unknown).toEqual([
    'Not known: whether gha has the account ci and the qos high, since slurmrestd does not get that from slurmdbd.',
  ]);
});
