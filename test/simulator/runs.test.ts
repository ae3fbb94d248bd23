import { describe, expect, it } from 'vitest';
import {
  actions,
  type Job,
  jobSpecs,
  type SimulatorForTest,
  simulatorForTest,
} from './simulator-for-test.ts';

const labels = ['slurm-small'];
const states = (jobs: readonly Job[]): string[] =>
  jobs.map((job) => `${job.name} ${job.status} ${job.conclusion}`);

/** A runner of somebody else takes the oldest job that waits. @returns the job's id. */
function start(github: SimulatorForTest, name = 'other'): number {
  const { id } = github.control.addForeignRunner('acme/app', name, labels);
  return github.control.takeJob(id)?.id ?? 0;
}

describe('ids', () => {
  it('are beyond 2^32, each its own, and whole in JSON', async () => {
    const github = await simulatorForTest();
    const runs = [github.createRun(jobSpecs(2)), github.createRun(jobSpecs(2))];
    const jobs = (await Promise.all(runs.map((run) => github.jobs(run.id)))).flat();
    const ids = [...jobs.map((job) => job.id), ...(await github.runs()).map((run) => run.id)];
    expect(new Set(ids).size).toBe(6);
    for (const id of ids) expect(id).toBeGreaterThan(2 ** 32);
    for (const job of jobs) expect(await github.job(job.id)).toEqual(job);
    for (const run of runs) expect((await github.run(run.id)).id).toBe(run.id);
  });

  it('of another repository find nothing', async () => {
    const github = await simulatorForTest();
    const run = github.createRun(jobSpecs(1), 'build', 'acme/other');
    const places = [`runs/${run.id}`, `runs/${run.id}/jobs`, `jobs/${github.control.jobs()[0]?.id}`];
    for (const place of places) expect((await github.send('GET', `${actions}/${place}`)).status).toBe(404);
    expect(await github.runs()).toEqual([]);
  });
});

describe('a run', () => {
  it('is what its least advanced job is, and is listed by that', async () => {
    const github = await simulatorForTest();
    const { id } = github.createRun(jobSpecs(2));
    const listedAs = async (): Promise<string[]> => {
      const among = async (status: string) =>
        (await github.runs(`?status=${status}`)).length === 1 ? [status] : [];
      const statuses = ['queued', 'in_progress', 'completed', 'success', 'failure'];
      return (await Promise.all(statuses.map(among))).flat();
    };
    expect(await listedAs()).toEqual(['queued']);
    const first = start(github, 'first');
    expect(await listedAs()).toEqual(['queued']);
    const second = start(github, 'second');
    expect(await listedAs()).toEqual(['in_progress']);
    github.control.completeJob(first, 'success');
    expect(await listedAs()).toEqual(['in_progress']);
    github.control.completeJob(second, 'failure');
    expect(await listedAs()).toEqual(['completed', 'failure']);
    expect(await github.run(id)).toMatchObject({ status: 'completed', conclusion: 'failure' });
  });

  it('without jobs is queued for ever', async () => {
    const github = await simulatorForTest();
    const { id } = github.createRun([]);
    expect(await github.run(id)).toMatchObject({ status: 'queued', conclusion: null });
    expect(await github.jobs(id)).toEqual([]);
  });

  it('tells the times of its jobs', async () => {
    const github = await simulatorForTest();
    const at = (): string => new Date(github.clock.wallMs()).toISOString().replace('.000', '');
    const created_at = at();
    const { id } = github.createRun(jobSpecs(1));
    // GitHub's start of a job is never null.
    expect(await github.jobs(id)).toMatchObject([{ created_at, started_at: created_at, completed_at: null }]);
    github.clock.advance(5_000);
    const started_at = at();
    const job = start(github);
    github.clock.advance(5_000);
    github.control.completeJob(job, 'success');
    expect(await github.jobs(id)).toMatchObject([{ created_at, started_at, completed_at: at() }]);
    expect(await github.run(id)).toMatchObject({ created_at, updated_at: at() });
  });
});

describe('needs', () => {
  const stages = [
    { name: 'publish', labels, needs: ['test'] },
    { name: 'test', labels, needs: ['compile'] },
    { name: 'compile', labels },
  ];

  it.each([
    ['first to last', stages.toReversed()],
    ['last to first', stages],
  ])('written %s: a job is made when those that it needs have succeeded', async (_, jobs) => {
    const github = await simulatorForTest();
    const { id } = github.createRun(jobs);
    expect(states(await github.jobs(id))).toEqual(['compile queued null']);
    github.control.completeJob(start(github), 'success');
    expect(await github.run(id)).toMatchObject({ status: 'queued' });
    expect(states(await github.jobs(id))).toEqual(['compile completed success', 'test queued null']);
  });

  it.each([
    ['first to last', stages.toReversed()],
    ['last to first', stages],
  ])('written %s: all jobs behind one that failed are skipped, and the run is over', async (_, jobs) => {
    const github = await simulatorForTest();
    const { id } = github.createRun(jobs);
    github.control.completeJob(start(github), 'failure');
    expect(states(await github.jobs(id))).toEqual([
      'compile completed failure',
      'test completed skipped',
      'publish completed skipped',
    ]);
    expect(await github.run(id)).toMatchObject({ status: 'completed', conclusion: 'failure' });
  });
});

describe('cancelling', () => {
  it('ends a job that waits at once, without a runner', async () => {
    const github = await simulatorForTest();
    const { id } = github.createRun(jobSpecs(2));
    const [first] = await github.jobs(id);
    github.control.cancelJob(first?.id ?? 0);
    expect(states(await github.jobs(id))).toEqual(['job-1 completed cancelled', 'job-2 queued null']);
    expect(await github.job(first?.id ?? 0)).toMatchObject({ runner_id: null, runner_name: null });
    expect(start(github)).not.toBe(first?.id);
  });

  it('asks the runner to end a job that runs; it is cancelled whatever the runner reports', async () => {
    const github = await simulatorForTest();
    const run = github.createRun(jobSpecs(1));
    const runner = await github.mint('mine', labels);
    const [job = ''] = (await github.asRunner(runner, 'GET', '/message')).text.split('\n');
    const told = async () => (await github.asRunner(runner, 'GET', `/jobs/${job}`)).text;
    expect(await told()).toBe('go on\n');
    expect((await github.send('POST', `${actions}/runs/${run.id}/cancel`)).status).toBe(202);
    expect(states(await github.jobs(run.id))).toEqual(['job-1 in_progress null']);
    expect(await told()).toBe('cancel\n');
    await github.asRunner(runner, 'POST', `/jobs/${job}/complete`, 'success');
    expect(states(await github.jobs(run.id))).toEqual(['job-1 completed cancelled']);
  });

  it('of a run ends its waiting jobs, and those of later stages with them', async () => {
    const github = await simulatorForTest();
    const run = github.createRun([...jobSpecs(2), { name: 'later', labels, needs: ['job-1', 'job-2'] }]);
    const cancel = () => github.send('POST', `${actions}/runs/${run.id}/cancel`);
    expect((await cancel()).status).toBe(202);
    expect(states(await github.jobs(run.id))).toEqual([
      'job-1 completed cancelled',
      'job-2 completed cancelled',
      'later completed skipped',
    ]);
    expect((await cancel()).status).toBe(409);
  });
});

describe('a re-run', () => {
  it('is another attempt with jobs of other ids; the old ones stay', async () => {
    const github = await simulatorForTest();
    const run = github.createRun(jobSpecs(2));
    github.control.cancelRun(run.id);
    const old = await github.jobs(run.id);
    const rerun = () => github.send('POST', `${actions}/runs/${run.id}/rerun`);
    expect((await rerun()).status).toBe(201);
    expect(await github.run(run.id)).toMatchObject({ status: 'queued', conclusion: null, run_attempt: 2 });
    const latest = await github.jobs(run.id);
    expect(latest.map(({ name, status, run_attempt }) => [name, status, run_attempt])).toEqual([
      ['job-1', 'queued', 2],
      ['job-2', 'queued', 2],
    ]);
    expect(await github.jobs(run.id, '?filter=all')).toEqual([...old, ...latest]);
    expect(new Set([...old, ...latest].map((job) => job.id)).size).toBe(4);
    expect(await github.job(old[0]?.id ?? 0)).toEqual(old[0]);
    // Only what is over can be run again.
    expect((await rerun()).status).toBe(403);
    expect(await github.run(run.id)).toMatchObject({ run_attempt: 2 });
  });
});

describe('a runner that goes silent', () => {
  it('loses its job when it has been silent for long enough, and its registration with it', async () => {
    const github = await simulatorForTest({ lostAfterMs: 600_000 });
    const run = github.createRun(jobSpecs(1));
    const runner = await github.mint('mine', labels);
    const [job = ''] = (await github.asRunner(runner, 'GET', '/message')).text.split('\n');
    github.clock.advance(400_000);
    // A sign of life counts anew.
    await github.asRunner(runner, 'GET', `/jobs/${job}`);
    github.clock.advance(600_000);
    expect(states(await github.jobs(run.id))).toEqual(['job-1 in_progress null']);
    github.clock.advance(1);
    expect(states(await github.jobs(run.id))).toEqual(['job-1 completed failure']);
    expect(await github.runners()).toEqual([]);
    expect((await github.asRunner(runner, 'GET', '/message')).status).toBe(410);
  });
});
