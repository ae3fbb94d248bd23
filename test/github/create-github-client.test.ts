/** The client over real HTTP, against the simulator. */
import { describe, expect, it } from 'vitest';
import { GitHubError } from '../../src/domain/errors.ts';
import { failureOf } from '../support/failure-of.ts';
import { jobs, nothingKnown, repository, world } from './client-of-simulator.ts';

describe('observe', () => {
  it('reads every page: 250 jobs of one run, and 120 runs', async () => {
    const { github, control } = await world();
    control.createRun(repository, 'big', jobs(250));
    for (let count = 0; count < 119; count += 1) control.createRun(repository, `small-${count}`, jobs(1));
    const seen = await github.observe(repository, nothingKnown);
    expect(seen.runs.length).toBe(120);
    expect(new Set(seen.jobs.map((job) => job.id)).size).toBe(369);
    expect(seen.jobs[0]).toMatchObject({
      repository,
      status: 'queued',
      labels: ['slurm-small'],
      runnerName: null,
    });
    expect(Math.min(...seen.jobs.map((job) => job.id))).toBeGreaterThan(2 ** 32);
  });

  it('costs nothing when nothing has changed, over all pages, and sees a change at once', async () => {
    const { github, control } = await world();
    const run = control.createRun(repository, 'big', jobs(250));
    const first = await github.observe(repository, nothingKnown);
    const known = { runIds: [run.id], openJobs: first.jobs.map((job) => ({ id: job.id, runId: run.id })) };
    const before = control.pointsSpent();
    const again = await github.observe(repository, known);
    expect(control.pointsSpent()).toBe(before);
    expect(again.jobs).toEqual(first.jobs);
    // The very same records: what is made of them is not made again.
    expect(again.jobs.every((job, index) => job === first.jobs[index])).toBe(true);
    const last = first.jobs.at(-1);
    if (last !== undefined) control.cancelJob(last.id);
    const changed = await github.observe(repository, known);
    expect(changed.jobs.find((job) => job.id === last?.id)).toMatchObject({
      status: 'completed',
      conclusion: 'cancelled',
    });
    expect(control.pointsSpent() - before).toBeLessThanOrEqual(3);
  });

  it('follows a run that no list shows any more, by its id, until it is completed', async () => {
    const { github, control } = await world();
    const run = control.createRun(repository, 'build', jobs(1));
    const [job] = control.jobs();
    if (job === undefined) throw new Error('no job');
    control.completeJob(job.id, 'success');
    const known = { runIds: [run.id], openJobs: [{ id: job.id, runId: run.id }] };
    const seen = await github.observe(repository, known);
    expect(seen.runs).toEqual([{ id: run.id, completed: true }]);
    expect(seen.jobs).toMatchObject([{ id: job.id, status: 'completed', conclusion: 'success' }]);
    expect(seen.missingJobIds).toEqual([]);
  });

  it('asks by id for a job of an earlier attempt, and tells which ids GitHub does not know', async () => {
    const { github, control } = await world();
    const run = control.createRun(repository, 'build', jobs(1));
    const [job] = control.jobs();
    if (job === undefined) throw new Error('no job');
    control.completeJob(job.id, 'failure');
    control.rerun(run.id);
    const openJobs = [
      { id: job.id, runId: run.id },
      { id: 99, runId: run.id },
    ];
    const seen = await github.observe(repository, { runIds: [run.id], openJobs });
    expect(seen.jobs.map(({ id, status }) => [id, status])).toEqual([
      [expect.any(Number), 'queued'],
      [job.id, 'completed'],
    ]);
    expect(seen.missingJobIds).toEqual([99]);
  });

  it('a run without jobs is a run without jobs', async () => {
    const { github, control } = await world();
    control.createRun(repository, 'zombie', []);
    const seen = await github.observe(repository, nothingKnown);
    expect(seen).toMatchObject({ jobs: [], runs: [{ completed: false }] });
  });

  it.each([
    ['the second page answers 502', { kind: 'status', status: 502 } as const],
    ['the answer is cut', { kind: 'cut' } as const],
    ['the answer is lost', { kind: 'lost-after' } as const],
    ['a proxy answers', { kind: 'not-json' } as const],
    ['the answer has no body', { kind: 'empty' } as const],
  ])('rejects as a whole when %s: unknown, and not empty', async (_what, fault) => {
    const { github, control } = await world();
    control.createRun(repository, 'big', jobs(150));
    const path = '/repos/{owner}/{repo}/actions/runs/{run_id}/jobs';
    control.fault({ kind: 'delay', delayMs: 0, path });
    control.fault({ ...fault, path });
    expect(await failureOf(GitHubError, github.observe(repository, nothingKnown))).toMatchObject({
      kind: 'unavailable',
    });
    const seen = await github.observe(repository, nothingKnown);
    expect(seen.jobs.length).toBe(150);
  });

  it('tries a GET once more by itself after a 5xx', async () => {
    const { github, control } = await world({}, { retries: 1 });
    control.createRun(repository, 'build', jobs(1));
    control.fault({ kind: 'status', status: 503 });
    expect((await github.observe(repository, nothingKnown)).jobs.length).toBe(1);
  });
});

describe('mint', () => {
  const request = { name: 'gha-i-a-1', labels: ['slurm-small', 'self-hosted'] };

  it('registers exactly the labels, and gives the JIT config', async () => {
    const { github, control } = await world();
    const { runnerId, jitConfig } = await github.mint(repository, request);
    expect(jitConfig.length).toBeGreaterThan(20);
    expect(control.runners()).toMatchObject([{ id: runnerId, ...request, scope: repository }]);
  });

  it('is never repeated: the answer is lost, and the caller is told that it may have taken effect', async () => {
    const { github, control } = await world({}, { retries: 3 });
    control.fault({ kind: 'lost-after' });
    expect(await failureOf(GitHubError, github.mint(repository, request))).toMatchObject({
      kind: 'unavailable',
      notCreated: false,
    });
    expect(control.runners().length).toBe(1);
    expect(control.requests().filter(({ method }) => method === 'POST').length).toBe(1);
    expect(await failureOf(GitHubError, github.mint(repository, request))).toMatchObject({
      kind: 'conflict',
      notCreated: false,
    });
  });

  it.each([
    [401, 'auth', true],
    [403, 'forbidden', true],
    [404, 'forbidden', true],
    [408, 'unavailable', false],
    [422, 'refused', true],
    [500, 'unavailable', false],
    [502, 'unavailable', false],
    [504, 'unavailable', false],
  ] as const)('status %i is %s; certainly not created: %s', async (status, kind, notCreated) => {
    const { github, control } = await world();
    control.fault({ kind: 'status', status });
    expect(await failureOf(GitHubError, github.mint(repository, request))).toMatchObject({
      kind,
      status,
      notCreated,
    });
  });

  it('many at once are not spaced a second apart', async () => {
    const { github, control } = await world();
    const names = Array.from({ length: 30 }, (_, index) => `gha-i-a-${index}`);
    await Promise.all(names.map((name) => github.mint(repository, { ...request, name })));
    // The plugin's own spacing would take longer than a test may.
    expect(control.runners().length).toBe(30);
  });
});

describe('deregister', () => {
  it('gone for 204 and for 404, busy for 422', async () => {
    const { github, control } = await world();
    const { runnerId } = await github.mint(repository, { name: 'r1', labels: ['slurm-small'] });
    control.createRun(repository, 'build', jobs(1));
    control.takeJob(runnerId);
    expect(await github.deregister(repository, { id: runnerId, name: 'r1' })).toBe('busy');
    control.completeJob(control.jobs()[0]?.id ?? 0, 'success');
    expect(await github.deregister(repository, { id: runnerId, name: 'r1' })).toBe('gone');
    const idle = await github.mint(repository, { name: 'r2', labels: ['slurm-small'] });
    expect(await github.deregister(repository, { id: idle.runnerId, name: 'r2' })).toBe('gone');
    expect(control.runners()).toEqual([]);
  });

  it('finds a runner by its name where its id was lost', async () => {
    const { github, control } = await world();
    await github.mint(repository, { name: 'r1', labels: ['slurm-small'] });
    expect(await github.deregister(repository, { id: null, name: 'r1' })).toBe('gone');
    expect(await github.deregister(repository, { id: null, name: 'r1' })).toBe('gone');
    expect(control.runners()).toEqual([]);
  });

  it('rejects when nobody can tell', async () => {
    const { github, control } = await world();
    const { runnerId } = await github.mint(repository, { name: 'r1', labels: ['slurm-small'] });
    control.fault({ kind: 'status', status: 502 });
    expect(
      await failureOf(GitHubError, github.deregister(repository, { id: runnerId, name: 'r1' })),
    ).toMatchObject({
      kind: 'unavailable',
    });
  });
});
