/**
 * A real Docker engine with Compose, from Debian's packages, in namespaces of its own: it touches no engine and no network
 * of this machine, needs none to be there, and leaves nothing but the images that it keeps in the cache folder.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { debianRoot } from '../../slurm/cluster/debian-root.ts';
import { type CommandResult, runCommand } from '../../slurm/cluster/run-command.ts';
import { until } from '../support/until.ts';
import { root } from './podman.ts';

export interface EngineOptions {
  /** `own`: containers reach one another and nothing else. `host`: builds reach what this machine reaches. */
  readonly network: 'own' | 'host';
  /** Folders of this machine that the engine sees. */
  readonly binds: readonly { readonly from: string; readonly to: string }[];
}

export interface DockerEngine {
  /** `docker …`, where the engine sees things. @returns stdout. @throws Error with what it said. */
  docker(args: readonly string[], timeoutMs?: number): Promise<string>;
  /** A command of this machine, in the network that published ports are in. */
  inNetwork(argv: readonly string[]): Promise<CommandResult>;
  /** Ends it with every process, mount and network. */
  stop(): Promise<void>;
}

const directory = join(root, '.cache/docker');
const minutes = 60_000;
const packages = ['ca-certificates', 'docker-buildx', 'docker-cli', 'docker-compose', 'docker.io'];
const tools = ['iproute2', 'iptables', 'procps'];

export async function startDockerEngine({ network, binds }: EngineOptions): Promise<DockerEngine> {
  const debian = await debianRoot(
    { directory, name: 'root', suite: 'trixie', options: [], packages: [...packages, ...tools] },
    () => console.log('making the root file system of the Docker engine (Debian trixie), once'),
  );
  const data = join(directory, 'data');
  mkdirSync(data, { recursive: true });
  const run = mkdtempSync(join(directory, 'run-'));
  const logFile = `${run}.log`;
  const log = openSync(logFile, 'a');
  const script = join(import.meta.dirname, 'engine.sh');
  const places = binds.flatMap(({ from, to }) => [from, to]);
  const namespaces = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child'];
  const child = spawn(
    'unshare',
    [
      ...namespaces,
      ...(network === 'own' ? ['--net'] : []),
      ...['--', 'bash', script, debian, run, data, network],
      ...places,
    ],
    { stdio: ['pipe', log, log], detached: true },
  );
  closeSync(log);
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => resolve());
  });
  let gone = false;
  void ended.finally(() => {
    gone = true;
  });

  const enter = (parts: readonly string[], argv: readonly string[], timeoutMs: number) => {
    const init = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
    return runCommand('nsenter', ['--target', init, ...parts, '--', ...argv], { timeoutMs });
  };
  const inside = (args: readonly string[], timeoutMs: number) =>
    enter(['--mount', '--net', '--pid', '--wdns=/'], ['docker', ...args], timeoutMs);
  async function stop(): Promise<void> {
    child.stdin?.end();
    await ended;
    rmSync(run, { recursive: true, force: true });
    rmSync(logFile, { force: true });
  }

  try {
    await until(
      async () => {
        if (gone) throw new Error('it has ended');
        return (await inside(['info'], minutes)).code === 0;
      },
      2 * minutes,
      100,
    );
  } catch (error) {
    const words = readFileSync(logFile, 'utf8').trim().split('\n').slice(-5).join('\n  ');
    await stop();
    throw new Error(`the Docker engine does not get ready (${(error as Error).message}):\n  ${words}`);
  }
  return {
    async docker(args, timeoutMs = minutes) {
      const { code, stdout, stderr } = await inside(args, timeoutMs);
      if (code !== 0) throw new Error(`docker ${args.join(' ')} failed (${code}): ${stderr}\n${stdout}`);
      return stdout.trim();
    },
    inNetwork: (argv) => enter(['--net'], argv, minutes),
    stop,
  };
}
