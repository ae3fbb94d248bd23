/**
 * What Slurm is given to start: the batch script with its parts and the functions of a launcher in it (a node need not share a file
 * with the service), and the launcher's settings as environment.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/load-config.ts';
import type { Handoff, Launch } from '../controller/context.ts';
import type { Launcher } from '../domain/launcher.ts';

const folder = join(import.meta.dirname, '../../slurm');
const read = (path: string): string => readFileSync(join(folder, path), 'utf8');
const place = '# parts: their functions stand here\n';

/** The same text for every allocation of the same kind of launcher; without comments, since it is sent with each submit. */
export function jobScript(
  { kind, docker }: Pick<Launcher, 'kind' | 'docker'>,
  optional: { readonly handoff?: Handoff['kind']; readonly check?: boolean } = {},
): string {
  const parts = [
    ...readdirSync(join(folder, 'job'))
      .filter((name) => name !== 'mailbox.sh' || optional.handoff === 'mailbox')
      .filter((name) => name !== 'check.sh' || optional.check === true)
      .map((name) => `job/${name}`),
    ...(docker === null ? ['no-docker'] : ['dockerd-view', 'dockerd']).map((name) => `launchers/${name}.sh`),
    ...(kind === 'command' ? [] : ['launchers/image-cache.sh', 'launchers/container.sh']),
    `launchers/${kind}.sh`,
  ];
  const [before, after, ...more] = read('job.sh').split(place);
  if (after === undefined || more.length > 0) throw new Error('slurm/job.sh has no place for its parts');
  return [before, ...parts.map(read), after].join('\n').replaceAll(/^ *#(?!!).*\n+/gm, '');
}

export function launchOf(
  launcher: Launcher,
  {
    runner,
    slurm,
  }: {
    runner: Pick<
      Config['runner'],
      'scratch' | 'imageCache' | 'hooks' | 'idleLimitMs' | 'callbackUrl' | 'timeLimitWarningMs' | 'killWaitMs'
    >;
    slurm: Pick<Config['slurm'], 'environment'>;
  },
  { check = false } = {},
): Launch {
  const { kind, command, image, binds, mounts, docker } = launcher;
  // A container has a PATH and the like of its own.
  const names = [...(kind === 'command' ? Object.keys(slurm.environment) : []), ...launcher.environment];
  const settings = {
    GHA_SLURM_RUNNER_COMMAND: command,
    GHA_SLURM_ENVIRONMENT: names.join(' '),
    GHA_SLURM_IMAGE: image ?? '',
    GHA_SLURM_BINDS: binds.join('\n'),
    GHA_SLURM_MOUNTS: mounts.join('\n'),
    GHA_SLURM_DOCKER_MIRRORS: docker?.mirrors.join('\n') ?? '',
    GHA_SLURM_DOCKER_PRELOAD: docker?.preload ?? '',
    GHA_SLURM_DOCKER_STORAGE_DRIVER: docker?.storageDriver ?? '',
    GHA_SLURM_DOCKER_HOST_LOOPBACK: docker?.hostLoopback === true ? '1' : '',
    GHA_SLURM_HOOKS: runner.hooks
      .map(({ event, script, timeLimitMs }) => `${event} ${Math.ceil(timeLimitMs / 1_000)} ${script}`)
      .join('\n'),
    GHA_SLURM_IDLE_LIMIT: String(Math.ceil(runner.idleLimitMs / 1_000)),
    GHA_SLURM_TIME_LIMIT_WARNING: String(Math.ceil(runner.timeLimitWarningMs / 1_000)),
    GHA_SLURM_KILL_WAIT: String(Math.floor(runner.killWaitMs / 1_000)),
    GHA_SLURM_SCRATCH: runner.scratch ?? '',
    GHA_SLURM_IMAGE_CACHE: image === null ? '' : (runner.imageCache.path ?? ''),
    GHA_SLURM_IMAGE_CACHE_MIB: image === null ? '' : String(runner.imageCache.limitMiB),
  };
  return {
    script: jobScript(launcher, { handoff: runner.callbackUrl === null ? 'mailbox' : 'callback', check }),
    environment: Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== '')),
  };
}
