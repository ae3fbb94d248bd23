/**
 * `npm run demo`: the whole thing on this machine. A real Slurm, a simulated GitHub, the service, a workflow of 24 jobs in
 * three sizes; half-way the service is killed with SIGKILL and started again. Ends with a table and with the totals that
 * have to hold; `--keep` leaves everything running.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startCluster } from '../../slurm/cluster/start-cluster.ts';
import { OperatorError } from '../../src/domain/errors.ts';
import { runnerBind } from '../support/runner-folder.ts';
import { runCommand, startService } from '../support/service-process.ts';
import { until } from '../support/until.ts';
import { writeConfig } from '../support/write-config.ts';
import { Progress } from './progress.ts';
import { report } from './report.ts';
import { spawnSimulator } from './spawn-simulator.ts';
import { demoJobs, profiles, repository } from './workload.ts';

const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });
const say = (line: string): void => console.log(line);

async function demo(): Promise<boolean> {
  const begunMs = performance.now();
  const directory = mkdtempSync(join(tmpdir(), 'gha-slurm-demo-'));
  const undo: (() => Promise<unknown> | unknown)[] = [
    () => rmSync(directory, { recursive: true, force: true }),
  ];
  const interrupted = (): void => void takeDown(undo).finally(() => process.exit(130));
  process.once('SIGINT', interrupted);
  try {
    const name = `demo-${process.pid}`;
    // Few CPUs, so that jobs have to wait in Slurm.
    const cluster = await startCluster({
      name,
      cpus: 16,
      binds: [runnerBind],
      tieToParent: !values.keep,
      say,
    });
    undo.unshift(() => cluster.stop());
    say(`Slurm ${cluster.release} is up: ${cluster.url}`);
    const github = await spawnSimulator(directory, repository, values.keep);
    undo.unshift(() => github.stop());
    say(`the GitHub simulator is up: ${github.url}`);
    const config = await writeConfig(directory, {
      apiUrl: github.url,
      repositories: [repository],
      slurmUrl: cluster.url,
      slurmUser: cluster.user,
      slurmTokenFile: cluster.tokenFile,
      profiles,
    });
    const options = {
      configFile: config.file,
      env: { GITHUB_TOKEN: github.token },
      logFile: join(directory, 'service.log'),
      detached: values.keep,
    };
    say(await runCommand(options, 'migrate'));
    let service = startService(options);
    undo.unshift(() => service.kill('SIGTERM'));
    say(`the service is up: state at ${config.adminUrl}/api/state, log in ${options.logFile}`);

    const run = await github.createRun(repository, 'build', demoJobs());
    const doomed = run.jobs.find((job) => job.name === 'cancelled-while-waiting');
    const progress = new Progress(24);
    let killed = false;
    let cancelled = false;
    await until(
      async () => {
        const jobs = await github.jobs();
        const over = jobs.filter((job) => job.conclusion === 'success').length;
        progress.show(over, jobs.filter((job) => job.status === 'in_progress').length);
        if (!cancelled && doomed !== undefined && (await waitsInSlurm(config.adminUrl, doomed.id))) {
          cancelled = true;
          await github.cancelJob(doomed.id);
          progress.say(`cancelled the job ${doomed.name}, whose allocation waits in Slurm`);
        }
        if (!killed && over >= 12) {
          killed = true;
          await service.kill('SIGKILL');
          service = startService(options);
          progress.say('killed the service with SIGKILL, and started it again');
        }
        return over === 24;
      },
      150_000,
      250,
    );
    progress.end();
    // The last runners exit, and the service notices.
    await until(
      async () => (await live(config.adminUrl)) === 0 && (await github.runners()).length === 0,
      60_000,
      250,
    ).catch(() => undefined);
    const holds = await report({ cluster, github, adminUrl: config.adminUrl, killed, cancelled });
    say(`took ${((performance.now() - begunMs) / 1_000).toFixed(0)} s`);
    if (values.keep) {
      undo.length = 0;
      say(
        `kept: service ${service.pid}, simulator ${github.pid}, cluster ${cluster.name}, files in ${directory}`,
      );
      say(
        `to end it: kill ${service.pid} ${github.pid}; npm run slurm:down -- --name ${cluster.name}; rm -r ${directory}`,
      );
    }
    return holds;
  } finally {
    process.removeListener('SIGINT', interrupted);
    await takeDown(undo);
  }
}

async function takeDown(undo: (() => Promise<unknown> | unknown)[]): Promise<void> {
  for (const step of undo.splice(0)) await step();
}

async function stateOf(adminUrl: string) {
  const response = await fetch(`${adminUrl}/api/state`, { signal: AbortSignal.timeout(5_000) });
  return (await response.json()) as {
    jobs: { id: number; allocationId?: string }[];
    allocations: { id: string; state: string }[];
  };
}

/** The service may be starting: no answer is no allocation yet. */
async function waitsInSlurm(adminUrl: string, jobId: number): Promise<boolean> {
  const state = await stateOf(adminUrl).catch(() => null);
  const job = state?.jobs.find(({ id }) => id === jobId);
  return (
    state?.allocations.some(({ id, state: at }) => id === job?.allocationId && at === 'pending') ?? false
  );
}

async function live(adminUrl: string): Promise<number> {
  const state = await stateOf(adminUrl).catch(() => null);
  return state === null ? -1 : state.allocations.filter((allocation) => allocation.state !== 'ended').length;
}

try {
  process.exitCode = (await demo()) ? 0 : 1;
} catch (error) {
  console.error(error instanceof OperatorError ? error.message : error);
  process.exitCode = error instanceof OperatorError ? error.exitCode : 1;
}
