/** A client over real HTTP, and the simulator that it asks. */
import { onTestFinished } from 'vitest';
import { createGitHubClient, type GitHubClientOptions } from '../../src/github/create-github-client.ts';
import { type SimulatorOptions, startSimulator } from '../simulator/start-simulator.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

export const repository = 'acme/app';
export const nothingKnown = { runIds: [], openJobs: [] };

export async function world(options: SimulatorOptions = {}, client: Partial<GitHubClientOptions> = {}) {
  const clock = new VirtualClock();
  const simulator = await startSimulator({ wallMs: () => clock.wallMs(), ...options });
  onTestFinished(() => simulator.stop());
  simulator.control.addRepository(repository);
  const github = createGitHubClient({
    apiUrl: simulator.url,
    token: simulator.token,
    clock,
    retries: 0,
    requestTimeoutMs: 2_000,
    ...client,
  });
  return { clock, github, simulator, control: simulator.control };
}

export const jobs = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `job-${index}`, labels: ['slurm-small'] }));
