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
  maxMemoryPerCpuMiB: null,
  maxNodes: null,
  minNodes: 0,
  allowedAccounts: [],
  deniedAccounts: ['guests'],
  allowedQos: ['normal', 'high'],
  deniedQos: [],
  allowedGroups: [],
  allowedHosts: [],
  rootOnly: false,
  reservationOnly: false,
  nodes: 'n[1-2]',
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
  refusals: new Map(),
};
const profile: Profile = { name: 's', partition: 'ci', cpus: 8, memoryMiB: 16_384, timeLimitMinutes: 120 };
const judge = (changes: Partial<Profile>, view: Partial<ClusterView> = {}) =>
  judgeProfile({ ...profile, ...changes }, { ...cluster, ...view }, 'gha');
const nothing = { faults: [], doubts: [], unknown: [], notes: [] };
const within = (changes: Partial<Partition>) => ({ partitions: [{ ...partition, ...changes }] });

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
    ['that excludes a node for the future, which no listing has', { excludeNodes: ['n2'] }],
    ['that excludes what only Slurm can judge', { excludeNodes: ['feature{hbm}'] }],
    ['on the node that it asks for', { extra: { required_nodes: ['n1'] } }],
    ['with gres of the job in further fields', { extra: { tres_per_job: 'gres/gpu:2,cpu:4' } }],
  ])('%s can start', (_what, changes) => {
    expect(judge(changes)).toEqual(nothing);
  });

  it.each<readonly [Partial<Profile>, string]>([
    [{ partition: 'no' }, 'Slurm has no partition no: it has ci, long.'],
    [{ partition: 'ci,no' }, 'Slurm has no partition no: it has ci, long.'],
    [{ timeLimitMinutes: 121 }, 'The partition ci allows 120 min at most; timeLimit is 121 min.'],
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
    [{ extra: { tres_per_job: 'gres/gpu:9' } }, 'No node of the partition ci has 9 of gres gpu.'],
    [
      { gres: 'gpu:1', extra: { tres_per_task: 'gres/gpu:h100:1' } },
      'No node of the partition ci has 1 of gres gpu:h100.',
    ],
    [
      { tres: 'license/matlab:1' },
      'Slurm takes no license/matlab:1 in tres, which is counted on a node: licenses have a setting of their own.',
    ],
    [{ excludeNodes: ['n[1-2]'] }, 'The partition ci has no node that the profile does not exclude.'],
    [{ excludeNodes: ['n2,n1'] }, 'The partition ci has no node that the profile does not exclude.'],
    [
      { extra: { required_nodes: ['n7'] } },
      'The partition ci has no node n7, or it is excluded: required_nodes asks for it.',
    ],
    [{ excludeNodes: ['n[2-3]'] }, 'Slurm has no node n3, which excludeNodes names.'],
    [{ excludeNodes: ['n1'] }, 'The partition ci has no node that the profile does not exclude.'],
    [{ reservation: 'monday' }, 'Slurm has no reservation monday.'],
    [{ licenses: 'matlab:3' }, 'Slurm has 2 licenses of matlab; the profile takes 3.'],
  ])('%j can never start', (changes, fault) => {
    expect(judge(changes).faults).toEqual([fault]);
  });

  it.each<readonly [Partial<Partition>, string]>([
    [{ maxCpusPerNode: 4 }, 'The partition ci allows 4 CPUs on a node at most; the profile takes 8.'],
    [
      { maxMemoryPerNodeMiB: 8_192 },
      'The partition ci allows 8192 MiB of memory on a node at most; the profile takes 16384 MiB.',
    ],
    // 16,384 MiB at 1,024 MiB a CPU.
    [{ maxMemoryPerCpuMiB: 1_024 }, 'No node of the partition ci has 16 CPUs.'],
    [{ minNodes: 2 }, 'The partition ci takes jobs of 2 nodes at least, and a runner has one node.'],
    [{ maxNodes: 0 }, 'The partition ci takes no jobs: its MaxNodes is 0.'],
    [{ rootOnly: true }, 'The partition ci takes jobs of root alone.'],
    [{ reservationOnly: true }, 'The partition ci takes jobs in a reservation alone.'],
  ])('is held to the limits of the partition, not of its nodes alone: %j', (changes, fault) => {
    expect(judge({}, within(changes)).faults).toEqual([fault]);
  });

  it('may have more memory for a CPU than the partition allows: Slurm gives it more CPUs', () => {
    expect(judge({ cpus: 1, memoryMiB: 4_096 }, within({ maxMemoryPerCpuMiB: 1_024 }))).toEqual(nothing);
    const perCpu = { cpus: 2, memoryMiB: undefined, memoryPerCpuMiB: 4_096 };
    expect(judge(perCpu, within({ maxMemoryPerCpuMiB: 1_024 }))).toEqual(nothing);
    expect(judge({ ...perCpu, cpus: 3 }, within({ maxMemoryPerCpuMiB: 1_024 })).faults).toEqual([
      'No node of the partition ci has 12 CPUs.',
    ]);
  });

  it('whose account or qos a partition does not allow is refused only where Slurm looks at that', () => {
    const where = 'Slurm refuses that where it enforces associations (AccountingStorageEnforce)';
    expect(judge({ account: 'guests', qos: 'low' })).toEqual({
      ...nothing,
      doubts: [
        `The partition ci does not allow the account guests: ${where}.`,
        `The partition ci does not allow the qos low: ${where}.`,
      ],
    });
    const open = { ...partition, name: 'open', deniedAccounts: [] };
    const view = { partitions: [partition, open], nodes: [{ ...node, partitions: ['ci', 'open'] }] };
    expect(judge({ partition: 'ci,open', account: 'guests' }, view)).toEqual(nothing);
  });

  it('in a partition for some groups, or hosts, may start or not', () => {
    expect(judge({}, within({ allowedGroups: ['hpc', 'staff'], allowedHosts: ['login'] }))).toEqual({
      ...nothing,
      unknown: [
        'Not known: whether gha is in a group that the partition ci allows (hpc, staff).',
        'Not known: whether slurmrestd runs on a host that the partition ci allows (login).',
      ],
    });
  });

  it('is judged by the listings that Slurm gives', () => {
    const noNodes = 'Not known: whether a node of the partition ci has what the profile asks for.';
    const noPartitions = 'Not known: the limits of the partition ci, and whether it is there.';
    expect(judge({ cpus: 999, excludeNodes: ['x'] }, { nodes: null })).toEqual({
      ...nothing,
      unknown: [noNodes],
    });
    expect(judge({ timeLimitMinutes: 121 }, { nodes: null }).faults).toEqual([
      'The partition ci allows 120 min at most; timeLimit is 121 min.',
    ]);
    expect(judge({ timeLimitMinutes: 121 }, { partitions: null })).toEqual({
      ...nothing,
      unknown: [noPartitions],
    });
    expect(judge({ cpus: 9 }, { partitions: null }).faults).toEqual([
      'No node of the partition ci has 9 CPUs.',
    ]);
    expect(judge({}, { partitions: null, nodes: null }).unknown).toEqual([noPartitions, noNodes]);
    const none = { reservations: null, licenses: null };
    expect(judge({ reservation: 'monday', licenses: 'matlab:3' }, none)).toEqual(nothing);
  });

  it('waits, and is not wrong, where what fits is not available now', () => {
    expect(judge({}, { nodes: [{ ...node, available: false }] })).toEqual({
      ...nothing,
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
