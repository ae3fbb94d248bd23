import { expect, it } from 'vitest';
import { parseLicense, parseNode, parsePartition, parseReservation } from '../../src/slurm/parse-cluster.ts';

it('reads a partition; unset, infinite and 0 are no limit, but for the number of nodes', () => {
  const record = {
    name: 'ci',
    accounts: { allowed: 'a,b', deny: '' },
    qos: { allowed: 'ALL', deny: 'low' },
    maximums: {
      cpus_per_node: { set: false, infinite: true, number: 0 },
      partition_memory_per_node: { set: true, infinite: false, number: 0 },
      partition_memory_per_cpu: { set: true, infinite: false, number: 500 },
      nodes: { set: true, infinite: false, number: 0 },
      time: { set: true, infinite: false, number: 10_080 },
    },
    minimums: { nodes: 2 },
    groups: { allowed: 'hpc,staff' },
    nodes: { allowed_allocation: 'login', configured: 'n[1-2]' },
    flags: ['ROOT_ONLY', 'HIDDEN'],
    partition: { state: ['UP'] },
  };
  expect(parsePartition(record)).toEqual({
    name: 'ci',
    up: true,
    maxTimeMinutes: 10_080,
    maxCpusPerNode: null,
    maxMemoryPerNodeMiB: null,
    maxMemoryPerCpuMiB: 500,
    maxNodes: 0,
    minNodes: 2,
    allowedAccounts: ['a', 'b'],
    deniedAccounts: [],
    allowedQos: [],
    deniedQos: ['low'],
    allowedGroups: ['hpc', 'staff'],
    allowedHosts: ['login'],
    rootOnly: true,
    reservationOnly: false,
    nodes: 'n[1-2]',
  });
  expect(parsePartition({ name: 'x', partition: { state: ['INACTIVE'] } })).toMatchObject({
    up: false,
    maxNodes: null,
    rootOnly: false,
  });
});

it('reads a node', () => {
  const record = {
    name: 'n1',
    partitions: ['ci'],
    cpus: 256,
    effective_cpus: 250,
    real_memory: 1_000,
    specialized_memory: 100,
    temporary_disk: 7,
    features: ['ib'],
    gres: 'gpu:4',
    state: ['IDLE', 'DRAIN'],
  };
  expect(parseNode(record)).toEqual({
    name: 'n1',
    partitions: ['ci'],
    cpus: 250,
    memoryMiB: 900,
    tmpMiB: 7,
    features: ['ib'],
    gres: 'gpu:4',
    available: false,
  });
  expect(parseNode({ name: 'n2', state: ['MIXED'] }).available).toBe(true);
});

it('reads a reservation and a license', () => {
  expect(parseReservation({ name: 'tuesday' })).toBe('tuesday');
  expect(parseLicense({ LicenseName: 'matlab', Total: 2, Used: 1 })).toEqual(['matlab', 2]);
});
