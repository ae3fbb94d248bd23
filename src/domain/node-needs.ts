import type { ClusterNode } from './cluster.ts';
import { countGres } from './gres.ts';
import type { Profile } from './profile.ts';

/** What a profile's job takes of its one node. */
export interface NodeNeeds {
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly tmpMiB: number;
  /** Names that all must be there. */
  readonly features: readonly string[];
  /** What is counted together; each of the lists must be there, since one may be a part of another. */
  readonly gres: readonly ReadonlyMap<string, number>[];
}

/** Fields of `extra` that ask for gres: the job has one task on one node, so they must be on that node. */
const gresFields = ['tres_per_job', 'tres_per_task', 'tres_per_socket'] as const;

/** @param maxMemoryPerCpuMiB of the partition: Slurm gives the job more CPUs, so that none has more memory. */
export function needsOf(profile: Profile, maxMemoryPerCpuMiB: number | null): NodeNeeds {
  const { cpus, memoryPerCpuMiB, constraint = '', extra = {} } = profile;
  const memoryMiB = profile.memoryMiB ?? (memoryPerCpuMiB ?? 0) * cpus;
  const perCpu = maxMemoryPerCpuMiB ?? Number.POSITIVE_INFINITY;
  const cpusForMemory =
    memoryPerCpuMiB === undefined
      ? Math.ceil(memoryMiB / perCpu)
      : cpus * Math.ceil(memoryPerCpuMiB / perCpu);
  const further = gresFields.map((field) => extra[field]).filter((value) => typeof value === 'string');
  return {
    cpus: Math.max(cpus, cpusForMemory),
    memoryMiB,
    tmpMiB: profile.tmpMiB ?? 0,
    // Alternatives, counts and negations are Slurm's to judge.
    features: /^[\w.-]+(&[\w.-]+)*$/.test(constraint) ? constraint.split('&') : [],
    gres: [gresOf(profile.gres, profile.tres), ...further.map((tres) => gresOf(undefined, tres))],
  };
}

function gresOf(gres: string | undefined, tres: string | undefined): ReadonlyMap<string, number> {
  const generic = tres?.split(',').filter((entry) => /^gres[/:]/.test(entry)) ?? [];
  return countGres([...(gres === undefined ? [] : [gres]), ...generic].join(','));
}

/** What the node does not have; null when it has all. */
export function lackOf(needs: NodeNeeds, node: ClusterNode): string | null {
  if (needs.cpus > node.cpus) return `${needs.cpus} CPUs`;
  if (needs.memoryMiB > node.memoryMiB) return `${needs.memoryMiB} MiB of memory`;
  if (needs.tmpMiB > node.tmpMiB) return `${needs.tmpMiB} MiB of local disk`;
  const feature = needs.features.find((wanted) => !node.features.includes(wanted));
  if (feature !== undefined) return `the feature ${feature}`;
  const has = countGres(node.gres);
  for (const [name, count] of needs.gres.flatMap((counts) => [...counts]))
    if ((has.get(name) ?? 0) < count) return `${count} of gres ${name}`;
  return null;
}
