import type { SlurmError } from './errors.ts';

/** What a Slurm cluster has, as far as a profile can fail by it. */
export interface Partition {
  readonly name: string;
  /** False when it is down, inactive or being drained: it starts nothing now. */
  readonly up: boolean;
  /** Null where it has no limit; so are the next four. */
  readonly maxTimeMinutes: number | null;
  readonly maxCpusPerNode: number | null;
  readonly maxMemoryPerNodeMiB: number | null;
  /** Slurm gives a job that asks for more memory more CPUs, so that it has no more for each. */
  readonly maxMemoryPerCpuMiB: number | null;
  readonly maxNodes: number | null;
  /** 0 where it asks for none. */
  readonly minNodes: number;
  /** Empty where all are allowed; so are the other lists. */
  readonly allowedAccounts: readonly string[];
  readonly deniedAccounts: readonly string[];
  readonly allowedQos: readonly string[];
  readonly deniedQos: readonly string[];
  readonly allowedGroups: readonly string[];
  /** Hosts that jobs may be submitted from. */
  readonly allowedHosts: readonly string[];
  /** It takes jobs of root alone; false where the version of the API does not tell. */
  readonly rootOnly: boolean;
  /** It takes jobs in a reservation alone; false where the version of the API does not tell. */
  readonly reservationOnly: boolean;
  /** As Slurm's configuration has them: `rack[1-4],gpu1`. */
  readonly nodes: string;
}

export interface ClusterNode {
  readonly name: string;
  readonly partitions: readonly string[];
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly tmpMiB: number;
  readonly features: readonly string[];
  /** `gpu:4`, `gpu:a100:2(S:0-1),shard:8`. */
  readonly gres: string;
  /** Not down, drained or failed. */
  readonly available: boolean;
}

/** As one user sees it. A listing is null where Slurm answers and does not give it to that user. */
export interface ClusterView {
  readonly partitions: readonly Partition[] | null;
  readonly nodes: readonly ClusterNode[] | null;
  readonly reservations: readonly string[] | null;
  /** How many there are in all, by name. */
  readonly licenses: ReadonlyMap<string, number> | null;
  /** Of each listing that is null, what came in its place. */
  readonly refusals: ReadonlyMap<string, SlurmError>;
}

/** What accounting lets one user charge jobs to. */
export interface Association {
  readonly account: string;
  /** The account of jobs that name none. */
  readonly isDefault: boolean;
  /** Empty for all of them. */
  readonly partition: string;
  readonly qos: readonly string[];
}
