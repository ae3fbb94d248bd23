import type { Profile } from '../domain/profile.ts';

export interface SubmitRequest {
  readonly name: string;
  /** Whose job it is; null for `slurm.user`. */
  readonly user: string | null;
  readonly profile: Profile;
  readonly script: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  readonly output: string;
  readonly timeLimitWarningSeconds: number;
}

/** Slurm's numbers: one without `set` is unset. */
const number = (value: number) => ({ set: true, infinite: false, number: value });

/**
 * The body of `POST /job/submit`. Required though the description does not say so: a script with `#!`, an environment that
 * is not empty, a working directory. Slurm's default is to requeue after a node failure, with a spent runner.
 */
export function submitBody({ profile, ...request }: SubmitRequest) {
  return {
    job: {
      // First, so that nothing in it takes the place of what is set here.
      ...profile.extra,
      name: request.name,
      script: request.script,
      environment: Object.entries(request.environment).map(([key, value]) => `${key}=${value}`),
      current_working_directory: request.workingDirectory,
      standard_output: request.output,
      standard_error: request.output,
      standard_input: '/dev/null',
      nodes: '1',
      tasks: 1,
      requeue: false,
      kill_warning_flags: ['BATCH_JOB' as const],
      kill_warning_signal: 'TERM',
      kill_warning_delay: number(request.timeLimitWarningSeconds),
      ...resources(profile),
    },
  };
}

function resources(profile: Profile) {
  const { gres, tres } = profile;
  const perNode = [...(gres === undefined ? [] : [tresOf(gres)]), ...(tres === undefined ? [] : [tres])];
  return defined({
    partition: profile.partition,
    cpus_per_task: profile.cpus,
    memory_per_node: profile.memoryMiB === undefined ? undefined : number(profile.memoryMiB),
    memory_per_cpu: profile.memoryPerCpuMiB === undefined ? undefined : number(profile.memoryPerCpuMiB),
    time_limit: number(profile.timeLimitMinutes),
    account: profile.account,
    qos: profile.qos,
    reservation: profile.reservation,
    constraints: profile.constraint,
    excluded_nodes: profile.excludeNodes === undefined ? undefined : [...profile.excludeNodes],
    tres_per_node: perNode.length === 0 ? undefined : perNode.join(','),
    licenses: profile.licenses,
    nice: profile.nice,
    // `exclusive` went with v0.0.42; this says the same in all versions.
    shared: profile.exclusive === true ? ['none' as const] : undefined,
    comment: profile.comment,
    temporary_disk_per_node: profile.tmpMiB,
  });
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}

/** `gpu:1,tmpdisk:4096` as TRES: `gres/gpu:1,gres/tmpdisk:4096`. */
function tresOf(gres: string): string {
  return gres
    .split(',')
    .map((entry) => `gres/${entry.trim().replace(/^gres[/:]/, '')}`)
    .join(',');
}
