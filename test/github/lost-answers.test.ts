/** Each call to GitHub with each way in which its answer can be lost: never a result, and never "certainly nothing" by mistake. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { GitHubError } from '../../src/domain/errors.ts';
import { createGitHubClient, type GitHubClient } from '../../src/github/create-github-client.ts';
import type { Fault } from '../simulator/faults.ts';
import { type Simulator, startSimulator } from '../simulator/start-simulator.ts';
import { failureOf } from '../support/failure-of.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const repository = 'acme/app';

async function world(): Promise<{ github: GitHubClient; simulator: Simulator }> {
  const simulator = await startSimulator();
  onTestFinished(() => simulator.stop());
  simulator.control.addRepository(repository);
  const github = createGitHubClient({
    apiUrl: simulator.url,
    token: simulator.token,
    clock: new VirtualClock(),
    retries: 0,
    requestTimeoutMs: 300,
  });
  return { github, simulator };
}

const calls: Readonly<Record<string, (github: GitHubClient) => Promise<unknown>>> = {
  observe: (github) => github.observe(repository, { runIds: [], openJobs: [] }),
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

describe.each(Object.entries(calls))('%s', (name, call) => {
  it.each(faults)('%s', async (what, fault, notCreated) => {
    const { github, simulator } = await world();
    simulator.control.fault({ ...fault, times: 20 });
    if (name === 'deregister by id' && harmless.has(what)) {
      expect(await call(github)).toBe('gone');
      return;
    }
    expect(await failureOf(GitHubError, call(github))).toMatchObject({ notCreated });
  });

  it('is sent once, whatever becomes of its answer', async () => {
    const { github, simulator } = await world();
    simulator.control.fault({ kind: 'lost-after', times: 20 });
    await failureOf(GitHubError, call(github));
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
