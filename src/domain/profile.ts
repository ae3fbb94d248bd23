/** A size label and the Slurm resources it stands for. */
export interface Profile {
  /** The label as configured; matched without regard to case. */
  readonly name: string;
  /** One, or several with commas: Slurm takes the one that starts it first. */
  readonly partition: string;
  readonly cpus: number;
  /** Of the node; either this or `memoryPerCpuMiB`. */
  readonly memoryMiB?: number | undefined;
  readonly memoryPerCpuMiB?: number | undefined;
  readonly timeLimitMinutes: number;
  readonly account?: string | undefined;
  readonly qos?: string | undefined;
  readonly reservation?: string | undefined;
  readonly constraint?: string | undefined;
  /** Names, or Slurm's ranges such as `node[01-04]`. */
  readonly excludeNodes?: readonly string[] | undefined;
  /** As `--gres` takes it, without the `gres/` prefix: `gpu:1`, `gpu:a100:2,tmpdisk:4096`. */
  readonly gres?: string | undefined;
  /** Generic TRES as Slurm writes them: `gres/gpu:1,gres/shard:2`. */
  readonly tres?: string | undefined;
  /** As `--licenses` takes them: `matlab:1`. */
  readonly licenses?: string | undefined;
  readonly nice?: number | undefined;
  /** No other job on its node. */
  readonly exclusive?: boolean | undefined;
  readonly comment?: string | undefined;
  /** Local disk of the node. */
  readonly tmpMiB?: number | undefined;
  /** Further fields of the submit body's `job`, by their names in Slurm's REST API. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
  /** Slurm jobs of this profile at once, whatever their state. */
  readonly maxAllocations?: number | undefined;
}

/** What a watched repository may have of its own, in place of the profile's. */
export type ProfileOverride = Pick<Profile, 'account' | 'qos'> & {
  /** Slurm jobs for the repository belong to this user. */
  readonly user?: string | undefined;
};

/** The profile as the jobs of a repository have it. */
export function withOverride(profile: Profile, override: ProfileOverride | undefined): Profile {
  const { account = profile.account, qos = profile.qos } = override ?? {};
  return { ...profile, account, qos };
}

/**
 * Fields of a submit body that the service fills in: by a setting of the profile where it has one, else by itself. A test
 * holds this to what is sent.
 */
export const ownFields: ReadonlyMap<string, string | null> = new Map([
  ['name', null],
  ['script', null],
  ['environment', null],
  ['current_working_directory', 'slurm.workingDirectory'],
  ['standard_output', 'slurm.output'],
  ['standard_error', 'slurm.output'],
  ['standard_input', null],
  ['nodes', null],
  ['tasks', null],
  ['requeue', null],
  ['kill_warning_flags', null],
  ['kill_warning_signal', null],
  ['kill_warning_delay', 'runner.timeLimitWarning'],
  ['partition', 'partition'],
  ['cpus_per_task', 'cpus'],
  ['memory_per_node', 'memory'],
  ['memory_per_cpu', 'memoryPerCpu'],
  ['time_limit', 'timeLimit'],
  ['account', 'account'],
  ['qos', 'qos'],
  ['reservation', 'reservation'],
  ['constraints', 'constraint'],
  ['excluded_nodes', 'excludeNodes'],
  ['tres_per_node', 'gres'],
  ['licenses', 'licenses'],
  ['nice', 'nice'],
  ['shared', 'exclusive'],
  ['comment', 'comment'],
  ['temporary_disk_per_node', 'tmp'],
]);
