/** A handle on a running development cluster; from `startCluster` or `findCluster`. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { OperatorError } from '../../src/domain/errors.ts';
import { type ClusterState, directoryOf, isAlive } from './cluster-state.ts';
import { mintToken } from './mint-token.ts';
import type { Release } from './root-file-system.ts';
import { type CommandResult, runCommand } from './run-command.ts';

/** The last one only where the cluster has accounting. */
export const daemons = ['slurmctld', 'slurmd', 'slurmrestd', 'slurmdbd'] as const;
export type Daemon = (typeof daemons)[number];

export interface Cluster {
  readonly name: string;
  readonly release: Release;
  /** slurmrestd, as this machine reaches it. */
  readonly url: string;
  /** Where slurmrestd listens, too. */
  readonly socketPath: string;
  /** The ordinary user that jobs run as. */
  readonly user: string;
  readonly partition: string;
  /** Logs, configuration and keys. */
  readonly directory: string;
  readonly keyFile: string;
  /** A token for `user`, valid for ten years. */
  readonly tokenFile: string;
  mintToken(options?: { user?: string; lifeSeconds?: number }): string;
  /** What runs `argv` inside as root, for who runs it: `squeue`, `scontrol`, … */
  commandInside(argv: readonly string[]): [string, ...string[]];
  /** Runs a command inside, as root unless a user is given. */
  exec(argv: readonly string[], options?: { user?: string; timeoutMs?: number }): Promise<CommandResult>;
  /** For fault tests: STOP and CONT, or KILL, after which the supervisor starts the daemon again. */
  signal(daemon: Daemon, signal: 'STOP' | 'CONT' | 'KILL'): Promise<void>;
  /** Kills a daemon and keeps it down until `startDaemon`. */
  stopDaemon(daemon: Daemon): Promise<void>;
  startDaemon(daemon: Daemon): void;
  /** False when it has been stopped, or its supervisor has ended. */
  isRunning(): boolean;
  /** Ends every process and every mount of the cluster, and deletes its folder. */
  stop(): Promise<void>;
}

export const clusterUser = 'gha';
const anyAddress = '0.0.0.0';
const stopTimeLimitMs = 10_000;

export function openCluster(state: ClusterState): Cluster {
  const directory = directoryOf(state.name);
  const keyFile = join(directory, 'conf', 'jwt_hs256.key');

  function commandInside(argv: readonly string[]): [string, ...string[]] {
    const init = initPid(state.supervisorPid);
    return ['nsenter', '--target', String(init), '--mount', '--pid', '--wdns=/', '--', ...argv];
  }

  async function exec(argv: readonly string[], options: { user?: string; timeoutMs?: number } = {}) {
    const as =
      options.user === undefined
        ? []
        : ['setpriv', '--reuid', options.user, '--regid', options.user, '--clear-groups'];
    const [enter, ...args] = commandInside([...as, ...argv]);
    const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
    return runCommand(enter, args, {
      env,
      ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    });
  }

  async function signal(daemon: Daemon, name: 'STOP' | 'CONT' | 'KILL') {
    const result = await exec(['pkill', `-${name}`, '-x', daemon]);
    if (result.code > 1)
      throw new OperatorError(`${daemon} of the cluster ${state.name} can't be signalled: ${result.stderr}`);
  }

  return {
    name: state.name,
    release: state.release,
    url: `http://${state.restHost === anyAddress ? '127.0.0.1' : state.restHost}:${state.restPort}`,
    socketPath: join(directory, 'socket', 'slurmrestd'),
    user: clusterUser,
    partition: 'ci',
    directory,
    keyFile,
    tokenFile: join(directory, 'token'),
    mintToken: ({ user = clusterUser, lifeSeconds = 3_600 } = {}) =>
      mintToken(readFileSync(keyFile), user, lifeSeconds),
    commandInside,
    exec,
    signal,
    async stopDaemon(daemon) {
      mkdirSync(join(directory, 'stopped', daemon), { recursive: true });
      await signal(daemon, 'KILL');
      // Its sockets take connections for as long as it is there.
      const deadline = Date.now() + stopTimeLimitMs;
      while ((await exec(['pgrep', '-x', daemon])).code === 0) {
        if (Date.now() > deadline)
          throw new OperatorError(`${daemon} of the cluster ${state.name} does not end.`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    startDaemon: (daemon) => rmSync(join(directory, 'stopped', daemon), { recursive: true, force: true }),
    isRunning: () => isAlive(state),
    async stop() {
      if (isAlive(state)) process.kill(state.supervisorPid, 'SIGKILL');
      // The kernel ends the namespaces behind it; the folder can go when its last mount has.
      const deadline = Date.now() + stopTimeLimitMs;
      while (isAlive(state) || mounts(directory)) {
        if (Date.now() > deadline)
          throw new OperatorError(`The cluster ${state.name} does not end: look at its processes.`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The first process inside, as seen from outside. @throws OperatorError when the cluster is down. */
function initPid(supervisorPid: number): number {
  const path = `/proc/${supervisorPid}/task/${supervisorPid}/children`;
  try {
    const pid = Number(readFileSync(path, 'utf8').trim().split(' ')[0]);
    if (pid > 0) return pid;
  } catch {
    // Falls through to the sentence below.
  }
  throw new OperatorError('The cluster is not running: start it with npm run slurm:up.');
}

function mounts(directory: string): boolean {
  return readFileSync('/proc/self/mounts', 'utf8').includes(directory);
}
