/** The GitHub simulator as a process of its own, so that it can be left running. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { JobSpec, SimulatedJob, SimulatedRunner, SimulatorEvent } from '../simulator/simulator-state.ts';

export interface SimulatorProcess {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  createRun(
    repository: string,
    workflow: string,
    jobs: readonly JobSpec[],
  ): Promise<{ jobs: SimulatedJob[] }>;
  cancelJob(jobId: number): Promise<void>;
  jobs(): Promise<SimulatedJob[]>;
  runners(): Promise<SimulatedRunner[]>;
  events(): Promise<SimulatorEvent[]>;
  stop(): Promise<void>;
}

export async function spawnSimulator(
  directory: string,
  repository: string,
  detached: boolean,
): Promise<SimulatorProcess> {
  const token = `ghp_${randomBytes(18).toString('hex')}`;
  const tokenFile = join(directory, 'github-token');
  writeFileSync(tokenFile, token, { mode: 0o600 });
  const main = join(import.meta.dirname, '../simulator/main.ts');
  const args = [main, '--token-file', tokenFile, '--repository', repository];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], detached });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', () => reject(new Error('the simulator has ended')));
    child.once('error', reject);
  });
  if (detached) {
    child.unref();
    child.stdout.destroy();
  }
  const { url } = JSON.parse(line) as { url: string };

  async function control<T>(name: string, body?: object): Promise<T> {
    const response = await fetch(`${url}/_control/${name}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { Authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(10_000),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`the simulator answers ${response.status}`);
    return (await response.json()) as T;
  }

  return {
    url,
    token,
    pid: child.pid ?? 0,
    async createRun(repository, workflow, jobs) {
      const run = await control<{ id: number }>('runs', { repository, workflow, jobs });
      return { jobs: (await control<SimulatedJob[]>('jobs')).filter((job) => job.runId === run.id) };
    },
    async cancelJob(jobId) {
      await control('cancel-job', { jobId });
    },
    jobs: () => control('jobs'),
    runners: () => control('runners'),
    events: () => control('events'),
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
