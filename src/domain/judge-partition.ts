import type { ClusterNode, ClusterView, Partition } from './cluster.ts';
import { expandHostlist } from './hostlist.ts';
import { whereEnforced } from './judge-account.ts';
import { lackOf, type NodeNeeds, needsOf } from './node-needs.ts';
import type { Profile } from './profile.ts';
import type { ProfileVerdict } from './profile-verdict.ts';
import { requiredNodes } from './refused-fields.ts';

/**
 * What keeps a profile's jobs from starting in one partition.
 * @param partition its name alone where Slurm does not list partitions.
 */
export function judgePartition(
  profile: Profile,
  partition: Partition | string,
  { nodes }: ClusterView,
  user: string,
): ProfileVerdict {
  const name = typeof partition === 'string' ? partition : partition.name;
  const needs = needsOf(profile, typeof partition === 'string' ? null : partition.maxMemoryPerCpuMiB);
  const limits = typeof partition === 'string' ? null : partition;
  const ofNodes = nodes === null ? { faults: [], notes: [] } : judgeNodes(profile, name, needs, nodes);
  return {
    faults: [...(limits === null ? [] : limitFaults(profile, limits, needs)), ...ofNodes.faults],
    doubts: limits === null ? [] : [...accountDoubts(profile, limits)],
    unknown: [
      ...(limits === null
        ? [`Not known: the limits of the partition ${name}, and whether it is there.`]
        : []),
      ...(nodes === null
        ? [`Not known: whether a node of the partition ${name} has what the profile asks for.`]
        : []),
      ...(limits === null ? [] : memberships(limits, user)),
    ],
    notes: [...(limits === null || limits.up ? [] : [`The partition ${name} is not up.`]), ...ofNodes.notes],
  };
}

function* limitFaults(profile: Profile, partition: Partition, needs: NodeNeeds): Generator<string> {
  const { name, maxTimeMinutes, maxCpusPerNode, maxMemoryPerNodeMiB, minNodes, maxNodes } = partition;
  if (maxTimeMinutes !== null && profile.timeLimitMinutes > maxTimeMinutes)
    yield `The partition ${name} allows ${maxTimeMinutes} min at most; timeLimit is ${profile.timeLimitMinutes} min.`;
  if (maxCpusPerNode !== null && needs.cpus > maxCpusPerNode)
    yield `The partition ${name} allows ${maxCpusPerNode} CPUs on a node at most; the profile takes ${needs.cpus}.`;
  if (maxMemoryPerNodeMiB !== null && needs.memoryMiB > maxMemoryPerNodeMiB)
    yield `The partition ${name} allows ${maxMemoryPerNodeMiB} MiB of memory on a node at most; the profile takes ${needs.memoryMiB} MiB.`;
  if (minNodes > 1)
    yield `The partition ${name} takes jobs of ${minNodes} nodes at least, and a runner has one node.`;
  if (maxNodes === 0) yield `The partition ${name} takes no jobs: its MaxNodes is 0.`;
  if (partition.rootOnly) yield `The partition ${name} takes jobs of root alone.`;
  if (partition.reservationOnly && profile.reservation === undefined)
    yield `The partition ${name} takes jobs in a reservation alone.`;
}

/** Without `AccountingStorageEnforce` Slurm looks at none of them: tried on 24.11 and 26.05. */
function* accountDoubts({ account, qos }: Profile, partition: Partition): Generator<string> {
  const { name, allowedAccounts, deniedAccounts, allowedQos, deniedQos } = partition;
  if (isRefused(account, allowedAccounts, deniedAccounts))
    yield `The partition ${name} does not allow the account ${account}: ${whereEnforced}.`;
  if (isRefused(qos, allowedQos, deniedQos))
    yield `The partition ${name} does not allow the qos ${qos}: ${whereEnforced}.`;
}

function isRefused(
  value: string | undefined,
  allowed: readonly string[],
  denied: readonly string[],
): boolean {
  if (value === undefined) return false;
  return (allowed.length > 0 && !allowed.includes(value)) || denied.includes(value);
}

function* memberships({ name, allowedGroups, allowedHosts }: Partition, user: string): Generator<string> {
  if (allowedGroups.length > 0)
    yield `Not known: whether ${user} is in a group that the partition ${name} allows (${allowedGroups.join(', ')}).`;
  if (allowedHosts.length > 0)
    yield `Not known: whether slurmrestd runs on a host that the partition ${name} allows (${allowedHosts.join(', ')}).`;
}

function judgeNodes(
  { excludeNodes = [], extra }: Profile,
  partition: string,
  needs: NodeNeeds,
  nodes: readonly ClusterNode[],
): { faults: string[]; notes: string[] } {
  // What is not understood excludes nothing here.
  const excluded = new Set(excludeNodes.flatMap((text) => expandHostlist(text) ?? []));
  const own = nodes.filter((node) => node.partitions.includes(partition) && !excluded.has(node.name));
  const required = extra?.['required_nodes'] === undefined ? null : requiredNodes(extra['required_nodes']);
  const wanted = required === null ? own : own.filter((node) => required.includes(node.name));
  if (own.length === 0)
    return {
      faults: [`The partition ${partition} has no node that the profile does not exclude.`],
      notes: [],
    };
  if (wanted.length === 0)
    return {
      faults: [
        `The partition ${partition} has no node ${required?.join(', ')}, or it is excluded: required_nodes asks for it.`,
      ],
      notes: [],
    };
  const lacks = wanted.map((node) => lackOf(needs, node));
  const fitting = wanted.filter((_node, index) => lacks[index] === null);
  if (fitting.length === 0)
    return { faults: [`No node of the partition ${partition} has ${mostOften(lacks)}.`], notes: [] };
  const waits = fitting.every(({ available }) => !available);
  return {
    faults: [],
    notes: waits ? [`No node of the partition ${partition} that fits is available now.`] : [],
  };
}

function mostOften(lacks: readonly (string | null)[]): string {
  const counted = Map.groupBy(lacks, (lack) => lack ?? '');
  return [...counted].toSorted(([, a], [, b]) => b.length - a.length)[0]?.[0] ?? '';
}
