/**
 * Starts a real Slurm: slurmctld, slurmd and slurmrestd in mount and process namespaces of their own, on ports of their
 * own, as many side by side as wanted; on loopback, but for slurmrestd where another address is asked for. It is ready when
 * its node is idle and slurmrestd takes the token.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { exitUnavailable, OperatorError } from '../../src/domain/errors.ts';
import { type Cluster, clusterUser, daemons, openCluster } from './cluster.ts';
import {
  type ClusterState,
  isAlive,
  makeDirectory,
  processStart,
  readState,
  writeState,
} from './cluster-state.ts';
import { mintToken } from './mint-token.ts';
import { missingRequirement } from './requirements.ts';
import { type Extra, type Release, rootFileSystem } from './root-file-system.ts';
import { slurmConf, slurmdbdConf } from './slurm-conf.ts';

export interface ClusterOptions {
  readonly name: string;
  readonly release?: Release;
  /** Folders of this machine that jobs see. */
  readonly binds?: readonly { readonly from: string; readonly to: string }[];
  readonly cpus?: number;
  /** Where slurmrestd listens; default: on loopback, at a port that is free. */
  readonly listen?: { readonly host: string; readonly port: number | null };
  /** Further lines for slurm.conf. */
  readonly slurmConf?: readonly string[];
  /** The cluster ends with this process, however that ends: for tests. */
  readonly tieToParent?: boolean;
  /** Its node has rootless Docker, Apptainer and stand-ins for NVIDIA's devices; making its root file system takes a minute, once. Default: it has not. */
  readonly containers?: boolean;
  /** It has slurmdbd with a database of its own, and samples the memory of its jobs each second. Default: it has not. */
  readonly accounting?: boolean;
  readonly say?: (line: string) => void;
}

const readyTimeLimitMs = 30_000;
const tenYearsSeconds = 10 * 365 * 86_400;

/** @throws OperatorError that says what is missing, or what a daemon said last. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const missing = missingRequirement();
  if (missing !== null) throw new OperatorError(missing, exitUnavailable);
  const running = readState(options.name);
  if (running !== null && isAlive(running)) {
    throw new OperatorError(
      `A cluster named ${options.name} is running: take it down first, or give this one a name of its own.`,
    );
  }
  const release = options.release ?? '24.11';
  const root = await rootFileSystem(release, options.say ?? (() => undefined), extraOf(options));
  const directory = makeDirectory(options.name);
  const [slurmctldPort, slurmdPort, freeRestPort, slurmdbdPort] = await freePorts();
  const restHost = options.listen?.host ?? '127.0.0.1';
  const restPort = options.listen?.port ?? freeRestPort;
  writeConfiguration(directory, options, {
    slurmctldPort,
    slurmdPort,
    slurmdbdPort: options.accounting === true ? slurmdbdPort : null,
  });
  const supervisorPid = spawnSupervisor(root, directory, `${restHost}:${restPort}`, options);
  const state: ClusterState = {
    name: options.name,
    release,
    restHost,
    restPort,
    supervisorPid,
    supervisorStart: processStart(supervisorPid) ?? '',
  };
  writeState(state);
  const cluster = openCluster(state);
  try {
    await untilReady(cluster, state);
    if (options.accounting === true) await addAccount(cluster);
  } catch (error) {
    const words = lastWords(directory);
    await cluster.stop();
    throw new OperatorError(`Slurm ${release} does not get ready (${(error as Error).message}).${words}`, 1, {
      cause: error,
    });
  }
  return cluster;
}

function extraOf({ containers, accounting }: ClusterOptions): Extra | null {
  if (containers === true && accounting === true)
    throw new OperatorError('A cluster has containers or accounting: no root file system has both.');
  return containers === true ? 'containers' : accounting === true ? 'accounting' : null;
}

interface Ports {
  readonly slurmctldPort: number;
  readonly slurmdPort: number;
  /** Null without accounting. */
  readonly slurmdbdPort: number | null;
}

function writeConfiguration(directory: string, options: ClusterOptions, ports: Ports): void {
  const conf = (name: string, content: string | Buffer) =>
    writeFileSync(join(directory, 'conf', name), content);
  const key = randomBytes(32);
  conf('jwt_hs256.key', key);
  conf('slurm.key', randomBytes(1_024));
  conf('cgroup.conf', 'CgroupPlugin=disabled\n');
  // Devices that any machine has, in place of GPUs; a node for containers has some of the right name.
  const gpus = options.containers === true ? '/dev/nvidia[0-3]' : '/dev/null,/dev/zero,/dev/full,/dev/random';
  conf('gres.conf', `AutoDetect=off\nName=gpu File=${gpus}\n`);
  const { name, cpus = 256, slurmConf: extraLines = [] } = options;
  conf('slurm.conf', slurmConf({ name, hostname: hostname(), ...ports, cpus, extraLines }));
  if (ports.slurmdbdPort !== null)
    conf('slurmdbd.conf', slurmdbdConf({ hostname: hostname(), port: ports.slurmdbdPort }));
  for (const secret of ['jwt_hs256.key', 'slurm.key']) chmodSync(join(directory, 'conf', secret), 0o600);
  writeFileSync(join(directory, 'token'), `${mintToken(key, clusterUser, tenYearsSeconds)}\n`, {
    mode: 0o600,
  });
}

function spawnSupervisor(
  root: string,
  directory: string,
  restAddress: string,
  options: ClusterOptions,
): number {
  const log = openSync(join(directory, 'log', 'supervisor.log'), 'a');
  const tied = options.tieToParent === true;
  const script = join(import.meta.dirname, 'supervise.sh');
  const binds = (options.binds ?? []).flatMap(({ from, to }) => [from, to]);
  const namespaces = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child'];
  const child = spawn(
    'unshare',
    [...namespaces, '--', 'bash', script, root, directory, restAddress, tied ? 'tied' : 'free', ...binds],
    { detached: true, stdio: [tied ? 'pipe' : 'ignore', log, log] },
  );
  closeSync(log);
  child.on('error', () => undefined);
  child.unref();
  // The pipe must stay open for as long as this process lives, and must not keep it alive.
  if (child.stdin !== null && 'unref' in child.stdin) (child.stdin as unknown as { unref(): void }).unref();
  if (child.pid === undefined)
    throw new OperatorError('unshare(1) is missing: install the package util-linux.');
  return child.pid;
}

async function untilReady(cluster: Cluster, state: ClusterState): Promise<void> {
  const token = readFileSync(cluster.tokenFile, 'utf8').trim();
  const deadline = Date.now() + readyTimeLimitMs;
  let last = 'no answer';
  while (Date.now() < deadline) {
    if (!isAlive(state)) throw new Error('its supervisor has ended');
    last = await nodeState(cluster.url, token);
    if (last === 'IDLE') return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`after ${readyTimeLimitMs / 1_000} s its node is: ${last}`);
}

/** Jobs of a user whom accounting does not know have no account. @throws Error in sacctmgr's words. */
async function addAccount(cluster: Cluster): Promise<void> {
  for (const words of [
    ['account', 'ci', 'description=ci', 'organization=ci'],
    ['user', clusterUser, 'account=ci'],
  ]) {
    const { code, stdout, stderr } = await cluster.exec(['sacctmgr', '--immediate', 'add', ...words]);
    if (code !== 0) throw new Error(`sacctmgr: ${stdout.trim()} ${stderr.trim()}`);
  }
}

async function nodeState(url: string, token: string): Promise<string> {
  try {
    const response = await fetch(`${url}/slurm/v0.0.42/node/node`, {
      headers: { 'X-SLURM-USER-TOKEN': token },
      signal: AbortSignal.timeout(2_000),
    });
    const body = (await response.json()) as { nodes?: { state?: string[] }[] };
    return body.nodes?.[0]?.state?.join('+') ?? `status ${response.status}`;
  } catch (error) {
    return (error as Error).message;
  }
}

function lastWords(directory: string): string {
  return ['supervisor', ...daemons, 'mariadbd']
    .map((name) => ({ name, path: join(directory, 'log', `${name}.log`) }))
    .filter(({ path }) => existsSync(path))
    .map(({ name, path }) => ({
      name,
      tail: readFileSync(path, 'utf8').trim().split('\n').slice(-4).join('\n    '),
    }))
    .filter(({ tail }) => tail !== '')
    .map(({ name, tail }) => `\n  ${name}:\n    ${tail}`)
    .join('');
}

/** Ports that the kernel has free now; another program may take one before the daemon does, which is then said. */
async function freePorts(): Promise<[number, number, number, number]> {
  const servers = await Promise.all([0, 1, 2, 3].map(() => listen()));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return [ports[0] ?? 0, ports[1] ?? 0, ports[2] ?? 0, ports[3] ?? 0];
}

function listen() {
  return new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
