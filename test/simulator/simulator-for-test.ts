import type { components } from '@octokit/openapi-types';
import { onTestFinished } from 'vitest';
import { VirtualClock } from '../support/virtual-clock.ts';
import { type Answer, ask, credentialOf, type Question, type RunnerCredential } from './ask.ts';
import type { JobSpec } from './simulator-state.ts';
import { type SimulatorOptions, startSimulator } from './start-simulator.ts';

type Schemas = components['schemas'];
/** The types allow bigint for these; JSON.parse makes none. */
export type Job = Omit<Schemas['job'], 'id' | 'run_id'> & { readonly id: number; readonly run_id: number };
export type Run = Omit<Schemas['workflow-run'], 'id'> & { readonly id: number };
export type Runner = Schemas['runner'];
type JitConfig = components['responses']['actions_runner_jitconfig']['content']['application/json'];

export const repository = 'acme/app';
export const actions = `/repos/${repository}/actions`;

/** One simulator with one repository, on a clock that stands still; gone with the test. */
export async function simulatorForTest(options: SimulatorOptions = {}) {
  const clock = new VirtualClock();
  const github = await startSimulator({ wallMs: () => clock.wallMs(), ...options });
  onTestFinished(() => github.stop());
  github.control.addRepository(repository);
  const send = (method: string, path: string, question?: Question): Promise<Answer> =>
    ask(github, method, path, question);
  const read = async <T>(path: string): Promise<T> => {
    const { status, text } = await send('GET', path);
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${text}`);
    return JSON.parse(text) as T;
  };
  /** Asks for a registration, whatever comes of it. */
  const register = (
    name: string,
    labels: readonly string[],
    scope = `repos/${repository}`,
  ): Promise<Answer> =>
    send('POST', `/${scope}/actions/runners/generate-jitconfig`, {
      body: { name, labels, runner_group_id: 1, work_folder: '_work' },
    });
  return {
    ...github,
    clock,
    send,
    read,
    register,
    createRun: (jobs: readonly JobSpec[], workflow = 'build', where = repository) =>
      github.control.createRun(where, workflow, jobs),
    runs: async (query = '') =>
      (await read<{ workflow_runs: Run[] }>(`${actions}/runs${query}`)).workflow_runs,
    run: (id: number) => read<Run>(`${actions}/runs/${id}`),
    jobs: async (runId: number, query = '') =>
      (await read<{ jobs: Job[] }>(`${actions}/runs/${runId}/jobs${query}`)).jobs,
    job: (id: number) => read<Job>(`${actions}/jobs/${id}`),
    runners: async (query = '') => (await read<{ runners: Runner[] }>(`${actions}/runners${query}`)).runners,
    async mint(name: string, labels: readonly string[], scope?: string): Promise<RunnerCredential> {
      const { status, text } = await register(name, labels, scope);
      if (status !== 201) throw new Error(`no registration: ${status} ${text}`);
      return credentialOf((JSON.parse(text) as JitConfig).encoded_jit_config);
    },
    /** As a runner's process asks. */
    asRunner: ({ token }: RunnerCredential, method: string, path: string, body?: string): Promise<Answer> =>
      send(method, `/_runner${path}`, { token, ...(body === undefined ? {} : { body }) }),
  };
}

export type SimulatorForTest = Awaited<ReturnType<typeof simulatorForTest>>;

export function jobSpecs(count: number, labels: readonly string[] = ['slurm-small']): JobSpec[] {
  return Array.from({ length: count }, (_, index) => ({ name: `job-${index + 1}`, labels }));
}
