/**
 * A world whose node has Apptainer, rootless Docker, and images made on the spot. What a step wants to tell it writes into /results,
 * a folder of the node that containers see.
 */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterOptions } from '../../slurm/cluster/start-cluster.ts';
import { runnerBind } from '../support/runner-folder.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { small, startWorld, type World } from '../support/start-world.ts';
import { until } from '../support/until.ts';
import type { ConfigValues } from '../support/write-config.ts';

export interface NodeWorld {
  readonly world: World;
  readonly service: ServiceProcess;
  /** As root on the node. @returns stdout. @throws Error with what it said. */
  onNode(script: string): Promise<string>;
  /** What a step wrote into /results. */
  result(name: string): Promise<string>;
  /** What a job that has ended must not leave, for all jobs at once; empty when all is well. */
  leftovers(): Promise<string[]>;
}

/** The simulated runner, where a container finds it. */
const command = `${runnerBind.to}/run.sh`;
const binds = [`${runnerBind.to}:${runnerBind.to}:ro`, '/results:/results'];
export const apptainer = { kind: 'apptainer', image: '/images/runner', command, binds } as const;
export const docker = {
  kind: 'docker',
  image: '/images/runner.tar',
  command,
  binds,
  environment: ['SIMULATOR_HOST'],
  // The simulated GitHub listens on this machine's loopback.
  docker: { hostLoopback: true, preload: '/cvmfs/data.test/images' },
} as const;
export const rootless = { preload: '/cvmfs/data.test/images' } as const;
export const profileWith = (launcher: object, more: object = {}): object => ({ ...small, ...more, launcher });

export async function startNodeWorld(
  name: string,
  config: Partial<ConfigValues>,
  cluster: Partial<ClusterOptions> = {},
): Promise<NodeWorld> {
  const world = await startWorld({
    name,
    cluster: { containers: true, ...cluster },
    simulator: { rateLimit: 1_000_000 },
    config: {
      output: '/results/slurm-%j.log',
      environment: {
        PATH: '/usr/local/bin:/usr/bin:/bin',
        HOME: '/home/gha',
        SITE_SETTING: 'known to the runner',
        SIMULATOR_HOST: '10.0.2.2',
      },
      ...config,
    },
  });
  const onNode = async (script: string): Promise<string> => {
    const { code, stdout, stderr } = await world.cluster.exec(['bash', '-c', script], { timeoutMs: 120_000 });
    if (code !== 0) throw new Error(`${script}: ${code}: ${stderr}\n${stdout}`);
    return stdout;
  };
  try {
    await missingFacilities(onNode);
    copyFileSync(
      join(import.meta.dirname, 'make-images.sh'),
      join(world.cluster.directory, 'make-images.sh'),
    );
    await onNode('mkdir -m 0700 /home/gha && chown gha: /home/gha; bash /var/lib/cluster/make-images.sh');
    const service = world.start();
    await until(async () => (await world.readiness())?.ready === true);
    return {
      world,
      service,
      onNode,
      result: (file) => onNode(`cat /results/${file}`),
      leftovers: () => leftovers(onNode),
    };
  } catch (error) {
    await world.stop();
    throw error;
  }
}

/** @throws Error that names what the kernel of this machine does not give: nothing here can be left out. */
async function missingFacilities(onNode: (script: string) => Promise<string>): Promise<void> {
  const asUser = 'setpriv --reuid gha --regid gha --clear-groups --';
  const missing = await onNode(`
    for device in /dev/fuse /dev/net/tun; do
      ${asUser} sh -c ": <> $device" 2>&1 || echo "$device can't be opened by an ordinary user"
    done
    ${asUser} unshare --user --map-root-user --mount --pid --fork true 2>&1 || echo 'user namespaces'
    ${asUser} unshare --user --map-root-user --map-auto true 2>&1 || echo 'subordinate ids (newuidmap)'
    true`);
  if (missing.trim() !== '')
    throw new Error(`This machine can't run containers in Slurm jobs: ${missing.trim()}`);
}

/** Of the node, as seen from the host: its whole process table, its mounts, and the folders that jobs write. */
async function leftovers(onNode: (script: string) => Promise<string>): Promise<string[]> {
  const found = await onNode(`
    for process in $(ps -u gha -o pid=; ps -eo uid=,pid= | awk '$1 >= 100000 && $1 < 165536 { print $2 }'); do
      echo "process $(tr '\\0' ' ' < /proc/$process/cmdline)"
    done
    grep -E '/gha-|/rootfs-|rootlesskit|fuse\\.' /proc/mounts | sed 's/^/mount /'
    find /tmp /home/gha /var/tmp -mindepth 1 -maxdepth 1 ! -name 'gha-slurm-images-*' | sed 's/^/file /'
    find /tmp /home/gha /run -type s -user gha | sed 's/^/socket /'
    for lock in /var/tmp/gha-slurm-images-*/*.lock; do
      [ ! -e "$lock" ] || flock -n "$lock" true || echo "lock $lock"
    done
    true`);
  return found.split('\n').filter((line) => line !== '');
}
