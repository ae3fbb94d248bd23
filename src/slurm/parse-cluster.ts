/** Partitions, nodes, reservations and licenses, as far as they are read here. Every field may be missing. */
import { z } from 'zod';
import type { ClusterNode, Partition } from '../domain/cluster.ts';
import { optionalNumber } from './parse-job.ts';

/** Slurm writes "no limit" as infinite, as unset, or as 0. */
const count = optionalNumber.transform((number) => (number !== null && number > 0 ? number : null)).nullish();

const list = z
  .string()
  .default('')
  .transform((text) => text.split(',').filter((name) => name !== '' && name !== 'ALL'));

/** Here 0 is a limit: with `MaxNodes=0` no job starts. */
const nodeCount = optionalNumber.nullish();

const rules = z.object({ allowed: list, deny: list }).prefault({});

const partitionRecord = z.object({
  name: z.string(),
  partition: z.object({ state: z.array(z.string()).default([]) }).prefault({}),
  maximums: z
    .object({
      time: count,
      cpus_per_node: count,
      partition_memory_per_node: count,
      partition_memory_per_cpu: count,
      nodes: nodeCount,
    })
    .prefault({}),
  minimums: z.object({ nodes: z.number().default(0) }).prefault({}),
  accounts: rules,
  qos: rules,
  groups: z.object({ allowed: list }).prefault({}),
  nodes: z.object({ allowed_allocation: list, configured: z.string().default('') }).prefault({}),
  /** Since v0.0.45. */
  flags: z.array(z.string()).nullish(),
});

const nodeRecord = z.object({
  name: z.string(),
  partitions: z.array(z.string()).default([]),
  effective_cpus: z.number().nullish(),
  cpus: z.number().default(0),
  real_memory: z.number().default(0),
  specialized_memory: z.number().default(0),
  temporary_disk: z.number().default(0),
  features: z.array(z.string()).default([]),
  gres: z.string().default(''),
  state: z.array(z.string()).default([]),
});

const gone: ReadonlySet<string> = new Set(['DOWN', 'DRAIN', 'FAIL', 'ERROR', 'NOT_RESPONDING', 'FUTURE']);

export function parsePartition(record: unknown): Partition {
  const { name, partition, maximums, minimums, accounts, qos, groups, nodes, flags } =
    partitionRecord.parse(record);
  return {
    name,
    up: partition.state.includes('UP'),
    maxTimeMinutes: maximums.time ?? null,
    maxCpusPerNode: maximums.cpus_per_node ?? null,
    maxMemoryPerNodeMiB: maximums.partition_memory_per_node ?? null,
    maxMemoryPerCpuMiB: maximums.partition_memory_per_cpu ?? null,
    maxNodes: maximums.nodes ?? null,
    minNodes: minimums.nodes,
    allowedAccounts: accounts.allowed,
    deniedAccounts: accounts.deny,
    allowedQos: qos.allowed,
    deniedQos: qos.deny,
    allowedGroups: groups.allowed,
    allowedHosts: nodes.allowed_allocation,
    rootOnly: flags?.includes('ROOT_ONLY') ?? false,
    reservationOnly: flags?.includes('REQ_RESV') ?? false,
    nodes: nodes.configured,
  };
}

export function parseNode(record: unknown): ClusterNode {
  const node = nodeRecord.parse(record);
  return {
    name: node.name,
    partitions: node.partitions,
    cpus: node.effective_cpus ?? node.cpus,
    memoryMiB: node.real_memory - node.specialized_memory,
    tmpMiB: node.temporary_disk,
    features: node.features,
    gres: node.gres,
    available: !node.state.some((state) => gone.has(state)),
  };
}

export function parseReservation(record: unknown): string {
  return z.object({ name: z.string().default('') }).parse(record).name;
}

export function parseLicense(record: unknown): readonly [string, number] {
  const license = z
    .object({ LicenseName: z.string().default(''), Total: z.number().default(0) })
    .parse(record);
  return [license.LicenseName, license.Total];
}
