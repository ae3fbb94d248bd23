/** Everything that an end-to-end test or a measurement needs: real Slurm, a simulated GitHub, a folder, and the service. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from '../../slurm/cluster/cluster.ts';
import { type ClusterOptions, startCluster } from '../../slurm/cluster/start-cluster.ts';
import type { Readiness } from '../../src/controller/create-controller.ts';
import type { StateView } from '../../src/controller/describe-state.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../simulator/start-simulator.ts';
import { runnerBind } from './runner-folder.ts';
import { readLog, runCommand, type ServiceProcess, startService } from './service-process.ts';
import { type ConfigValues, type WrittenConfig, writeConfig } from './write-config.ts';

/** The service's own words for a field that Slurm does not know. */
const slurmIgnores = 'Slurm ignores a part of a request';

export interface WorldOptions {
  readonly name: string;
  readonly cluster?: Partial<ClusterOptions>;
  readonly simulator?: SimulatorOptions;
  readonly config?: Partial<ConfigValues>;
  /** Before the service's argv. */
  readonly enter?: readonly string[];
}

export interface World {
  readonly cluster: Cluster;
  readonly github: Simulator;
  readonly config: WrittenConfig;
  readonly directory: string;
  readonly logFile: string;
  start(): ServiceProcess;
  /** Runs a command of `gha-slurm`; what it printed. */
  run(...command: readonly string[]): Promise<string>;
  /** The body of `/readyz`; null while the service does not answer. */
  readiness(): Promise<Readiness | null>;
  /** Null while the service does not answer. */
  state(): Promise<StateView | null>;
  log(): Record<string, unknown>[];
  stop(): Promise<void>;
}

export const repository = 'acme/app';
export const small = { partition: 'ci', cpus: 1, memory: '256MiB', timeLimit: '10m' } as const;

/** @param interpose starts something between the service and slurmrestd, given slurmrestd's URL. */
export async function startWorld<P extends { url: string; stop(): Promise<void> }>(
  { name, ...options }: WorldOptions,
  interpose?: (slurmUrl: string) => Promise<P>,
): Promise<World & { readonly proxy: P | null }> {
  const directory = mkdtempSync(join(tmpdir(), `gha-slurm-${name}-`));
  const github = await startSimulator(options.simulator);
  github.control.addRepository(repository);
  const cluster = await startCluster({
    name: `${name}-${process.pid}`,
    binds: [runnerBind],
    tieToParent: true,
    ...options.cluster,
  });
  const proxy = interpose === undefined ? null : await interpose(cluster.url);
  const config = await writeConfig(directory, {
    apiUrl: github.url,
    repositories: [repository],
    slurmUrl: proxy?.url ?? cluster.url,
    slurmUser: cluster.user,
    slurmTokenFile: cluster.tokenFile,
    profiles: { 'slurm-small': small },
    ...options.config,
  });
  const logFile = join(directory, 'service.log');
  const service = {
    configFile: config.file,
    env: { GITHUB_TOKEN: github.token },
    logFile,
    enter: options.enter ?? [],
  };
  await runCommand(service, 'migrate');
  const started: ServiceProcess[] = [];
  return {
    proxy,
    cluster,
    github,
    config,
    directory,
    logFile,
    start() {
      const process = startService(service);
      started.push(process);
      return process;
    },
    run: (...command) => runCommand(service, ...command),
    readiness: () => getJson<Readiness>(`${config.adminUrl}/readyz`),
    state: () => getJson<StateView>(`${config.adminUrl}/api/state`),
    log: () => readLog(logFile),
    async stop() {
      for (const process of started) await process.kill('SIGKILL');
      const ignored = started.length === 0 ? [] : readLog(logFile).filter(({ msg }) => msg === slurmIgnores);
      await proxy?.stop();
      await cluster.stop();
      await github.stop();
      rmSync(directory, { recursive: true, force: true });
      // A defect in whatever test it happens.
      if (ignored.length > 0) throw new Error(`${slurmIgnores}: ${JSON.stringify(ignored)}`);
    },
  };
}

async function getJson<T>(url: string): Promise<T | null> {
  try {
    return (await (await fetch(url, { signal: AbortSignal.timeout(5_000) })).json()) as T;
  } catch {
    return null;
  }
}
