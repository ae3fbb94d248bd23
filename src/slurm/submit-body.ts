import type { Profile } from '../domain/profile.ts';

export interface SubmitRequest {
  readonly name: string;
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
      name: request.name,
      script: request.script,
      environment: Object.entries(request.environment).map(([key, value]) => `${key}=${value}`),
      current_working_directory: request.workingDirectory,
      standard_output: request.output,
      standard_error: request.output,
      standard_input: '/dev/null',
      partition: profile.partition,
      nodes: '1',
      tasks: 1,
      cpus_per_task: profile.cpus,
      memory_per_node: number(profile.memoryMiB),
      time_limit: number(profile.timeLimitMinutes),
      requeue: false,
      kill_warning_flags: ['BATCH_JOB' as const],
      kill_warning_signal: 'TERM',
      kill_warning_delay: number(request.timeLimitWarningSeconds),
      ...(profile.account === undefined ? {} : { account: profile.account }),
      ...(profile.qos === undefined ? {} : { qos: profile.qos }),
      ...(profile.constraint === undefined ? {} : { constraints: profile.constraint }),
      ...(profile.gres === undefined ? {} : { tres_per_node: tresOf(profile.gres) }),
    },
  };
}

/** `gpu:1,tmpdisk:4096` as TRES: `gres/gpu:1,gres/tmpdisk:4096`. */
function tresOf(gres: string): string {
  return gres
    .split(',')
    .map((entry) => `gres/${entry.trim().replace(/^gres[/:]/, '')}`)
    .join(',');
}
