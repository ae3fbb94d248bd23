import { describe, expect, it } from 'vitest';
import type { ClusterNode, ClusterView, Partition } from '../../src/domain/cluster.ts';
import { countGres } from '../../src/domain/gres.ts';
import { judgeProfile } from '../../src/domain/judge-profile.ts';
import type { Profile } from '../../src/domain/profile.ts';

const partition: Partition = {
  name: 'ci',
  up: true,
  maxTimeMinutes: 120,
  maxCpusPerNode: null,
  maxMemoryPerNodeMiB: null,
  allowedAccounts: [],
  deniedAccounts: ['guests'],
  allowedQos: ['normal', 'high'],
  deniedQos: [],
};
const node: ClusterNode = {
  name: 'n1',
  partitions: ['ci', 'long'],
  cpus: 8,
  memoryMiB: 16_384,
  tmpMiB: 10_240,
  features: ['avx512', 'ib'],
  gres: 'gpu:a100:2(S:0-1),shard:8',
  available: true,
};
const cluster: ClusterView = {
  partitions: [partition, { ...partition, name: 'long', maxTimeMinutes: null }],
  nodes: [node],
  reservations: ['tuesday'],
  licenses: new Map([['matlab', 2]]),
};
const profile: Profile = { name: 's', partition: 'ci', cpus: 8, memoryMiB: 16_384, timeLimitMinutes: 120 };
const judge = (changes: Partial<Profile>, view: Partial<ClusterView> = {}) =>
  judgeProfile({ ...profile, ...changes }, { ...cluster, ...view });

describe('a profile', () => {
  it.each<readonly [string, Partial<Profile>]>([
    ['that takes a whole node', {}],
    ['whose time one of its partitions allows', { partition: 'ci,long', timeLimitMinutes: 500 }],
    ['with all that the node has', { tmpMiB: 10_240, constraint: 'ib&avx512', gres: 'gpu:2,shard:8' }],
    ['with a typed gres', { gres: 'gpu:a100:2' }],
    ['with generic TRES', { tres: 'gres/gpu:a100:1,gres/shard:4' }],
    [
      'with an account, a qos, a reservation and licenses',
      { account: 'ci', qos: 'high', reservation: 'tuesday', licenses: 'matlab:2' },
    ],
    ['with a constraint that only Slurm can judge', { constraint: '[rack1|rack2]' }],
    ['with memory per CPU', { memoryMiB: undefined, memoryPerCpuMiB: 2_048 }],
  ])('%s can start', (_what, changes) => {
    expect(judge(changes)).toEqual({ faults: [], notes: [] });
  });

  it.each<readonly [Partial<Profile>, string]>([
    [{ partition: 'no' }, 'Slurm has no partition no: it has ci, long.'],
    [{ partition: 'ci,no' }, 'Slurm has no partition no: it has ci, long.'],
    [{ timeLimitMinutes: 121 }, 'The partition ci allows 120 min at most; timeLimit is 121 min.'],
    [{ account: 'guests' }, 'The partition ci does not allow the account guests.'],
    [{ qos: 'low' }, 'The partition ci does not allow the qos low.'],
    [{ cpus: 9, memoryMiB: 1 }, 'No node of the partition ci has 9 CPUs.'],
    [{ memoryMiB: 16_385 }, 'No node of the partition ci has 16385 MiB of memory.'],
    [
      { memoryMiB: undefined, memoryPerCpuMiB: 2_049 },
      'No node of the partition ci has 16392 MiB of memory.',
    ],
    [{ tmpMiB: 10_241 }, 'No node of the partition ci has 10241 MiB of local disk.'],
    [{ constraint: 'ib&hbm' }, 'No node of the partition ci has the feature hbm.'],
    [{ gres: 'gpu:3' }, 'No node of the partition ci has 3 of gres gpu.'],
    [{ gres: 'gpu:h100:1' }, 'No node of the partition ci has 1 of gres gpu:h100.'],
    [{ excludeNodes: ['n1'] }, 'The partition ci has no node that the profile does not exclude.'],
    [{ reservation: 'monday' }, 'Slurm has no reservation monday.'],
    [{ licenses: 'matlab:3' }, 'Slurm has 2 licenses of matlab; the profile takes 3.'],
  ])('%j can never start', (changes, fault) => {
    expect(judge(changes).faults).toEqual([fault]);
  });

  it('is held to the limits of the partition, not of its nodes alone', () => {
    const small = { ...partition, maxCpusPerNode: 4 };
    expect(judge({}, { partitions: [small] }).faults).toEqual(['No node of the partition ci has 8 CPUs.']);
  });

  it('waits, and is not wrong, where what fits is not available now', () => {
    expect(judge({}, { nodes: [{ ...node, available: false }] })).toEqual({
      faults: [],
      notes: ['No node of the partition ci that fits is available now.'],
    });
    expect(judge({}, { partitions: [{ ...partition, up: false }] }).notes).toEqual([
      'The partition ci is not up.',
    ]);
  });
});

it.each([
  ['gpu:4', { gpu: 4 }],
  ['gpu', { gpu: 1 }],
  ['gpu:a100', { gpu: 1, 'gpu:a100': 1 }],
  ['gpu:a100:2(S:0-1),gpu:v100:1', { gpu: 3, 'gpu:a100': 2, 'gpu:v100': 1 }],
  ['gres/tmpdisk:4K', { tmpdisk: 4_096 }],
  ['', {}],
])('gres %s', (text, counts) => {
  expect(Object.fromEntries(countGres(text))).toEqual(counts);
});
