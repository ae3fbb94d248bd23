import { expect, it } from 'vitest';
import { parseAssociations } from '../../src/slurm/parse-associations.ts';

const records = [
  { account: 'ci', cluster: 'a', partition: '', is_default: true, qos: ['normal'], user: 'gha' },
  { account: 'hpc', cluster: 'b', partition: 'long', is_default: false, qos: [] },
];
const own = { account: 'ci', isDefault: true, partition: '', qos: ['normal'] };

it('reads the associations of one cluster, of all that slurmdbd serves', () => {
  expect(parseAssociations(records, 'a')).toEqual([own]);
  expect(parseAssociations(records, null)).toEqual([
    own,
    { account: 'hpc', isDefault: false, partition: 'long', qos: [] },
  ]);
});

it('misses no field: the description requires none', () => {
  expect(parseAssociations([{ account: 'ci' }], null)).toEqual([{ ...own, isDefault: false, qos: [] }]);
});
