/** What a Slurm cluster has, as far as a profile can fail by it. */
export interface Partition {
  readonly name: string;
  /** False when it is down, inactive or being drained: it starts nothing now. */
  readonly up: boolean;
  /** Null where it has no limit. */
  readonly maxTimeMinutes: number | null;
  readonly maxCpusPerNode: number | null;
  readonly maxMemoryPerNodeMiB: number | null;
  /** Empty where all are allowed. */
  readonly allowedAccounts: readonly string[];
  readonly deniedAccounts: readonly string[];
  readonly allowedQos: readonly string[];
  readonly deniedQos: readonly string[];
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

export interface ClusterView {
  readonly partitions: readonly Partition[];
  readonly nodes: readonly ClusterNode[];
  readonly reservations: readonly string[];
  /** How many there are in all, by name. */
  readonly licenses: ReadonlyMap<string, number>;
}
