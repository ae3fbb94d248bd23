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

const registered = 'gha-i-a-1';

interface There {
  readonly github: GitHubClient;
  readonly simulator: Simulator;
  readonly known: KnownWork;
  readonly runnerId: number;
}

/** One idle runner of ours, and work of each kind that is looked at. */
async function world(retries = 0): Promise<There> {
  const simulator = await startSimulator();
  onTestFinished(() => simulator.stop());
  simulator.control.addRepository(repository);
  const { control } = simulator;
  const { id: runnerId } = control.addForeignRunner(repository, registered, ['slurm-small']);
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
    retries,
    requestTimeoutMs: 300,
  });
  return { github, simulator, known, runnerId };
}

interface Asked {
  readonly call: (there: There) => Promise<unknown>;
  /** The request that meets the fault, where others are answered. */
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  /** How many of these there are where all goes well; default 1. */
  readonly requests?: number;
}

const actions = '/repos/{owner}/{repo}/actions';
const observe = ({ github, known }: There) => github.observe(repository, known);
const byId = ({ github, runnerId: id }: There) => github.deregister(repository, { id, name: registered });
const byName = ({ github }: There) => github.deregister(repository, { id: null, name: registered });
const mint = ({ github }: There) => github.mint(repository, { name: 'gha-i-b-1', labels: ['slurm-small'] });

const calls: Readonly<Record<string, Asked>> = {
  'observe: the runs': { call: observe, method: 'GET', path: `${actions}/runs`, requests: 2 },
  'observe: the jobs of a run': {
    call: observe,
    method: 'GET',
    path: `${actions}/runs/{run_id}/jobs`,
    requests: 2,
  },
  'observe: a known run by its id': { call: observe, method: 'GET', path: `${actions}/runs/{run_id}` },
  'observe: a known job by its id': { call: observe, method: 'GET', path: `${actions}/jobs/{job_id}` },
  mint: { call: mint, method: 'POST', path: `${actions}/runners/generate-jitconfig` },
  'deregister by id': { call: byId, method: 'DELETE', path: `${actions}/runners/{runner_id}` },
  'deregister by name: the look': { call: byName, method: 'GET', path: `${actions}/runners` },
  'deregister by name: the deletion': {
    call: byName,
    method: 'DELETE',
    path: `${actions}/runners/{runner_id}`,
  },
  runners: {
    call: ({ github }) => github.runners(repository),
    method: 'GET',
    path: `${actions}/runners`,
  },
  'runner by name': {
    call: ({ github }) => github.runner(repository, registered),
    method: 'GET',
    path: `${actions}/runners`,
  },
};

/** What comes instead of an answer, with whether that proves that nothing happened. */
const faults: readonly (readonly [string, Fault, boolean])[] = [
  ...[408, 500, 502, 503, 504].map((status) => [`${status}`, { kind: 'status', status }, false] as const),
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

describe.each(Object.entries(calls))('%s', (_name, { call, method, path, requests = 1 }) => {
  const sent = ({ simulator }: There) =>
    simulator.control.requests().filter((request) => request.method === method && request.path === path);

  it.each(faults)('%s', async (what, fault, notCreated) => {
    const there = await world();
    there.simulator.control.fault({ ...fault, path, method, times: 20 });
    if (method === 'DELETE' && harmless.has(what)) {
      expect(await call(there)).toBe('gone');
      return;
    }
    expect(await failureOf(GitHubError, call(there))).toMatchObject({ notCreated });
  });

  it.each(['lost-after', 'status'] as const)(
    method === 'GET'
      ? 'is asked again as often as it may be (%s), and changes nothing'
      : 'is sent once, however often reads are asked again (%s)',
    async (kind) => {
      // Each try waits longer than the one before.
      const retries = method === 'GET' ? 1 : 3;
      const there = await world(retries);
      there.simulator.control.fault({ kind, status: 502, path, method, times: 20 });
      await failureOf(GitHubError, call(there));
      const tries = sent(there).length;
      // Of two at once the first that has failed for good ends the call.
      if (method === 'GET') expect(tries).toBeGreaterThan(requests);
      expect(tries).toBeLessThanOrEqual(method === 'GET' ? requests * (1 + retries) : 1);
      const mutations = there.simulator.control.requests().filter((request) => request.method !== 'GET');
      expect(mutations).toHaveLength(method === 'GET' ? 0 : 1);
    },
  );
});

describe('something on the way sends it again, and the second answer arrives', () => {
  it('mint: 409, which is no proof of nothing; there is one runner, and it is found by its name', async () => {
    const there = await world(3);
    there.simulator.control.fault({ kind: 'twice', method: 'POST' });
    expect(await failureOf(GitHubError, mint(there))).toMatchObject({ kind: 'conflict', notCreated: false });
    expect(there.simulator.control.runners().map(({ name }) => name)).toEqual([registered, 'gha-i-b-1']);
    expect(await there.github.deregister(repository, { id: null, name: 'gha-i-b-1' })).toBe('gone');
    expect(there.simulator.control.runners().map(({ name }) => name)).toEqual([registered]);
  });

  it.each([
    ['id', byId],
    ['name', byName],
  ])('deregister by %s: 404, and it is gone', async (_by, call) => {
    const there = await world(3);
    there.simulator.control.fault({ kind: 'twice', method: 'DELETE' });
    expect(await call(there)).toBe('gone');
    expect(there.simulator.control.runners()).toEqual([]);
    expect(there.simulator.control.requests().at(-1)).toMatchObject({ method: 'DELETE', status: 404 });
  });

  it('deregister one that works: it is busy', async () => {
    const there = await world(3);
    there.simulator.control.takeJob(there.runnerId);
    there.simulator.control.fault({ kind: 'twice', method: 'DELETE' });
    expect(await byId(there)).toBe('busy');
  });

  it.each(['observe: the runs', 'runners', 'runner by name'])('%s: the same as once', async (name) => {
    const there = await world();
    const { call = observe } = calls[name] ?? {};
    const once = await call(there);
    there.simulator.control.fault({ kind: 'twice', times: 20 });
    expect(await call(there)).toEqual(once);
  });
});

it('a name whose mint was lost is taken: GitHub answers 409, which is no proof of nothing', async () => {
  const { github, simulator } = await world();
  simulator.control.fault({ kind: 'lost-after' });
  const request = { name: 'gha-i-b-1', labels: ['slurm-small'] };
  expect(await failureOf(GitHubError, github.mint(repository, request))).toMatchObject({
    notCreated: false,
  });
  expect(await failureOf(GitHubError, github.mint(repository, request))).toMatchObject({
    kind: 'conflict',
    notCreated: false,
  });
  expect(simulator.control.runners()).toHaveLength(2);
});
