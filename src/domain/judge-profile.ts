/**
 * Whether a profile can ever start on a cluster, for a user. Only what is certain counts as a fault: what Slurm decides by its accounting,
 * by what it does not tell this user, or by an expression that is not understood here, is left to Slurm, and said.
 */
import type { ClusterView, Partition } from './cluster.ts';
import { expandHostlist } from './hostlist.ts';
import { judgePartition } from './judge-partition.ts';
import type { Profile } from './profile.ts';
import { joinVerdicts, type ProfileVerdict } from './profile-verdict.ts';

/** @param user whose jobs they are. */
export function judgeProfile(profile: Profile, cluster: ClusterView, user: string): ProfileVerdict {
  const names = profile.partition.split(',');
  const known = new Map(cluster.partitions?.map((partition) => [partition.name, partition]));
  const missing = cluster.partitions === null ? [] : names.filter((name) => !known.has(name));
  if (missing.length > 0) {
    const there = [...known.keys()].join(', ');
    return joinVerdicts([{ faults: [`Slurm has no partition ${missing.join(', ')}: it has ${there}.`] }]);
  }
  const verdicts = names.map((name) => judgePartition(profile, known.get(name) ?? name, cluster, user));
  // One partition that would do is enough.
  const able = verdicts.filter(({ faults }) => faults.length === 0);
  const sure = able.filter(({ doubts }) => doubts.length === 0);
  const [first] = [sure, able].filter((list) => list.length > 0);
  const ofPartitions = joinVerdicts(first ?? verdicts);
  const ofCluster = [...clusterFaults(profile, cluster)];
  const faults = [...ofPartitions.faults, ...ofCluster];
  return joinVerdicts([faults.length > 0 ? {} : ofPartitions, { faults }]);
}

function* clusterFaults(profile: Profile, cluster: ClusterView): Generator<string> {
  const { reservations, licenses } = cluster;
  if (profile.reservation !== undefined && reservations?.includes(profile.reservation) === false)
    yield `Slurm has no reservation ${profile.reservation}.`;
  for (const entry of licenses === null ? [] : (profile.licenses?.split(',') ?? [])) {
    const [name = '', count = '1'] = entry.split(/[:=]/);
    const there = licenses?.get(name) ?? 0;
    if (Number(count) > there) yield `Slurm has ${there} licenses of ${name}; the profile takes ${count}.`;
  }
  const elsewhere = profile.tres?.split(',').find((entry) => /^(license|bb)\//.test(entry));
  if (elsewhere !== undefined)
    yield `Slurm takes no ${elsewhere} in tres, which is counted on a node: licenses have a setting of their own.`;
  yield* missingNodes(profile, cluster);
}

/** Slurm refuses a name that it does not know in a list of nodes. */
function* missingNodes(
  { excludeNodes = [] }: Profile,
  { nodes, partitions }: ClusterView,
): Generator<string> {
  if (nodes === null || partitions === null || excludeNodes.length === 0) return;
  // Nodes for the future are in no listing, but in the partitions' lists.
  const configured = partitions.map((partition: Partition) => expandHostlist(partition.nodes));
  if (configured.includes(null)) return;
  const known = new Set([...nodes.map(({ name }) => name), ...configured.flatMap((names) => names ?? [])]);
  for (const name of excludeNodes.flatMap((text) => expandHostlist(text) ?? []))
    if (!known.has(name)) yield `Slurm has no node ${name}, which excludeNodes names.`;
}
