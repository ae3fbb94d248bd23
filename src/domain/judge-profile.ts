/**
 * Whether a profile can ever start on a cluster. Only what is certain counts as a fault: what Slurm decides by its accounting, or
 * by an expression that is not understood here, is left to Slurm.
 */
import type { ClusterNode, ClusterView, Partition } from './cluster.ts';
import { countGres } from './gres.ts';
import type { Profile } from './profile.ts';

export interface ProfileVerdict {
  /** Sentences; each of them keeps every Slurm job of the profile from starting. */
  readonly faults: readonly string[];
  /** Sentences about what holds it up now, and may pass. */
  readonly notes: readonly string[];
}

export function judgeProfile(profile: Profile, cluster: ClusterView): ProfileVerdict {
  const names = profile.partition.split(',');
  const known = new Map(cluster.partitions.map((partition) => [partition.name, partition]));
  const missing = names.filter((name) => !known.has(name));
  if (missing.length > 0) {
    const there = [...known.keys()].join(', ');
    return {
      faults: [`Slurm has no partition ${missing.join(', ')}: it has ${there}.`],
      notes: [],
    };
  }
  const refusals = names.map((name) => refusalOf(profile, known.get(name) as Partition, cluster));
  const faults = [
    // One partition that would do is enough.
    ...(refusals.every(({ reasons }) => reasons.length > 0)
      ? refusals.flatMap(({ reasons }) => reasons)
      : []),
    ...ofCluster(profile, cluster),
  ];
  return { faults, notes: faults.length > 0 ? [] : refusals.flatMap(({ notes }) => notes) };
}

function refusalOf(
  profile: Profile,
  partition: Partition,
  { nodes }: ClusterView,
): { reasons: string[]; notes: string[] } {
  const { name } = partition;
  const reasons = [...limitsOf(profile, partition)];
  const own = nodes.filter((node) => node.partitions.includes(name) && !isExcluded(profile, node));
  const lacks = own.map((node) => lackOf(profile, partition, node));
  const fitting = own.filter((_node, index) => lacks[index] === null);
  if (own.length === 0) reasons.push(`The partition ${name} has no node that the profile does not exclude.`);
  else if (fitting.length === 0) reasons.push(`No node of the partition ${name} has ${mostOften(lacks)}.`);
  const notes = partition.up ? [] : [`The partition ${name} is not up.`];
  if (fitting.length > 0 && fitting.every(({ available }) => !available))
    notes.push(`No node of the partition ${name} that fits is available now.`);
  return { reasons, notes };
}

function* limitsOf(profile: Profile, partition: Partition): Generator<string> {
  const { name, maxTimeMinutes, allowedAccounts, deniedAccounts, allowedQos, deniedQos } = partition;
  if (maxTimeMinutes !== null && profile.timeLimitMinutes > maxTimeMinutes)
    yield `The partition ${name} allows ${maxTimeMinutes} min at most; timeLimit is ${profile.timeLimitMinutes} min.`;
  if (isRefused(profile.account, allowedAccounts, deniedAccounts))
    yield `The partition ${name} does not allow the account ${profile.account}.`;
  if (isRefused(profile.qos, allowedQos, deniedQos))
    yield `The partition ${name} does not allow the qos ${profile.qos}.`;
}

function isRefused(
  value: string | undefined,
  allowed: readonly string[],
  denied: readonly string[],
): boolean {
  if (value === undefined) return false;
  return (allowed.length > 0 && !allowed.includes(value)) || denied.includes(value);
}

/** What the node does not have of what the profile asks for; null when it has all. */
function lackOf(profile: Profile, partition: Partition, node: ClusterNode): string | null {
  const memoryMiB = profile.memoryMiB ?? (profile.memoryPerCpuMiB ?? 0) * profile.cpus;
  const { maxCpusPerNode, maxMemoryPerNodeMiB } = partition;
  if (profile.cpus > Math.min(node.cpus, maxCpusPerNode ?? Number.POSITIVE_INFINITY))
    return `${profile.cpus} CPUs`;
  if (memoryMiB > Math.min(node.memoryMiB, maxMemoryPerNodeMiB ?? Number.POSITIVE_INFINITY))
    return `${memoryMiB} MiB of memory`;
  if ((profile.tmpMiB ?? 0) > node.tmpMiB) return `${profile.tmpMiB} MiB of local disk`;
  const { constraint = '' } = profile;
  // Only names that all must be there; alternatives, counts and negations are Slurm's to judge.
  if (/^[\w.-]+(&[\w.-]+)*$/.test(constraint)) {
    const feature = constraint.split('&').find((wanted) => !node.features.includes(wanted));
    if (feature !== undefined) return `the feature ${feature}`;
  }
  const has = countGres(node.gres);
  for (const [name, count] of countGres(gresOf(profile)))
    if ((has.get(name) ?? 0) < count) return `${count} of gres ${name}`;
  return null;
}

function gresOf({ gres, tres }: Profile): string {
  const generic = tres?.split(',').filter((entry) => entry.startsWith('gres/')) ?? [];
  return [...(gres === undefined ? [] : [gres]), ...generic].join(',');
}

/** Ranges such as `rack[3-4]` are Slurm's to judge. */
function isExcluded({ excludeNodes = [] }: Profile, { name }: ClusterNode): boolean {
  return excludeNodes.includes(name);
}

function mostOften(lacks: readonly (string | null)[]): string {
  const counted = Map.groupBy(lacks, (lack) => lack ?? '');
  return [...counted].toSorted(([, a], [, b]) => b.length - a.length)[0]?.[0] ?? '';
}

function* ofCluster(profile: Profile, { reservations, licenses }: ClusterView): Generator<string> {
  if (profile.reservation !== undefined && !reservations.includes(profile.reservation))
    yield `Slurm has no reservation ${profile.reservation}.`;
  for (const entry of profile.licenses?.split(',') ?? []) {
    const [name = '', count = '1'] = entry.split(/[:=]/);
    const there = licenses.get(name) ?? 0;
    if (Number(count) > there) yield `Slurm has ${there} licenses of ${name}; the profile takes ${count}.`;
  }
}
