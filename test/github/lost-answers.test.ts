/** Each call to GitHub with each way in which its answer can be lost: never a result, and never "certainly nothing" by mistake. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { KnownWork } from '../../src/controller/ports.ts';
import { GitHubError } from '../../src/domain/errors.ts';
import { createGitHubClient, type GitHubClient } from '../../src/github/create-github-client.ts';
import type { Fault } from '../simulator/faults.ts';
import { type Simulator, startSimulator } from '../simulator/start-simulator.ts';
import { failureOf } from '../support/failure-of.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const repository = 'acme/app';

async function world(): Promise<{ github: GitHubClient; simulator: Simulator; known: KnownWork }> {
  const simulator = await startSimulator();
  onTestFinished(() => simulator.stop());
  simulator.control.addRepository(repository);
  const { control } = simulator;
  control.createRun(repository, 'live', [{ name: 'waits', labels: ['slurm-small'], commands: 'true' }]);
  // No listing of live runs has these any more: a run, and a job of another one, are looked up by their ids.
  const [run, other] = ['over', 'over, too'].map((name) => {
    const made = control.createRun(repository, name, [{ name, labels: ['slurm-small'], commands: 'true' }]);
    for (const job of control.jobs()) if (job.runId === made.id) control.completeJob(job.id, 'success');
    return made.id;
  });
  const openJobs = control.jobs().flatMap(({ id, runId }) => (runId === other ? [{ id, runId }] : []));
  const known = { runIds: [run ?? 0], openJobs };
  const github = createGitHubClient({
    apiUrl: simulator.url,
    token: simulator.token,
    clock: new VirtualClock(),
    retries: 0,
    requestTimeoutMs: 300,
  });
  return { github, simulator, known };
}

type Call = (github: GitHubClient, known: KnownWork) => Promise<unknown>;

const observe: Call = (github, known) => github.observe(repository, known);
/** With the part of it that meets the fault, where others are answered. */
const calls: Readonly<Record<string, Call | readonly [Call, string]>> = {
  'observe: the runs': [observe, '/repos/{owner}/{repo}/actions/runs'],
  'observe: the jobs of a run': [observe, '/repos/{owner}/{repo}/actions/runs/{run_id}/jobs'],
  'observe: a known run by its id': [observe, '/repos/{owner}/{repo}/actions/runs/{run_id}'],
  'observe: a known job by its id': [observe, '/repos/{owner}/{repo}/actions/jobs/{job_id}'],
  mint: (github) => github.mint(repository, { name: 'gha-i-a-1', labels: ['slurm-small'] }),
  'deregister by id': (github) => github.deregister(repository, { id: 1, name: 'gha-i-a-1' }),
  'deregister by name': (github) => github.deregister(repository, { id: null, name: 'gha-i-a-1' }),
  runners: (github) => github.runners(repository),
};

/** What comes instead of an answer, with whether that proves that nothing happened. */
const faults: readonly (readonly [string, Fault, boolean])[] = [
  ...[500, 502, 503, 504].map((status) => [`${status}`, { kind: 'status', status }, false] as const),
  ['403', { kind: 'status', status: 403 }, true],
  ['429', { kind: 'status', status: 429, headers: { 'Retry-After': '7' } }, true],
  ['it is lost', { kind: 'lost-after' }, false],
  ['it is cut in the middle', { kind: 'cut' }, false],
  ['it is not JSON', { kind: 'not-json' }, false],
  ['it is empty', { kind: 'empty' }, false],
  ['it comes after the time limit', { kind: 'delay', delayMs: 2_000 }, false],
];

/** A 204 has no body that could be lost. */
const harmless: ReadonlySet<string> = new Set(['it is not JSON', 'it is empty']);

describe.each(Object.entries(calls))('%s', (name, given) => {
  const [call, path] = typeof given === 'function' ? [given] : given;

  it.each(faults)('%s', async (what, fault, notCreated) => {
    const { github, simulator, known } = await world();
    simulator.control.fault({ ...fault, path, times: 20 });
    if (name === 'deregister by id' && harmless.has(what)) {
      expect(await call(github, known)).toBe('gone');
      return;
    }
    expect(await failureOf(GitHubError, call(github, known))).toMatchObject({ notCreated });
  });

  it('is sent once, whatever becomes of its answer', async () => {
    const { github, simulator, known } = await world();
    simulator.control.fault({ kind: 'lost-after', path, times: 20 });
    await failureOf(GitHubError, call(github, known));
    const mutations = simulator.control.requests().filter(({ method }) => method !== 'GET');
    expect(mutations.length).toBe(name === 'mint' || name === 'deregister by id' ? 1 : 0);
  });
});

it('a name whose mint was lost is taken: GitHub answers 409, which is no proof of nothing', async () => {
  const { github, simulator } = await world();
  simulator.control.fault({ kind: 'lost-after' });
  const request = { name: 'gha-i-a-1', labels: ['slurm-small'] };
  expect(await failureOf(GitHubError, github.mint(repository, request))).toMatchObject({
    notCreated: false,
  });
  expect(await failureOf(GitHubError, github.mint(repository, request))).toMatchObject({
    kind: 'conflict',
    notCreated: false,
  });
  expect(simulator.control.runners()).toHaveLength(1);
});
