import { describe, expect, it } from 'vitest';
import { actions, jobSpecs, type Runner, simulatorForTest } from './simulator-for-test.ts';

const labels = ['self-hosted', 'slurm-small'];

describe('a registration', () => {
  it('has the labels that were asked for and no other, and is offline and idle', async () => {
    const github = await simulatorForTest();
    const { status, text } = await github.register('mine', labels);
    expect(status).toBe(201);
    const { runner } = JSON.parse(text) as { runner: Runner };
    expect(runner).toMatchObject({ name: 'mine', status: 'offline', busy: false });
    expect(runner.labels.map(({ name }) => name)).toEqual(labels);
    expect(await github.runners()).toEqual([runner]);
    expect(await github.read(`${actions}/runners/${runner.id}`)).toEqual(runner);
  });

  it('needs a name of its own: the second gets 409, until the first is deleted', async () => {
    const github = await simulatorForTest();
    const { id } = await github.mint('mine', labels);
    expect((await github.register('mine', ['slurm-large'])).status).toBe(409);
    expect(await github.runners('?name=mine')).toMatchObject([{ id }]);
    expect((await github.send('DELETE', `${actions}/runners/${id}`)).status).toBe(204);
    expect((await github.register('mine', labels)).status).toBe(201);
  });

  it('of a repository leaves the name free in the organization', async () => {
    const github = await simulatorForTest();
    const mine = await github.mint('mine', labels);
    const ours = await github.mint('mine', labels, 'orgs/acme');
    expect(ours.id).not.toBe(mine.id);
    expect(await github.runners()).toMatchObject([{ id: mine.id }]);
    expect(await github.read('/orgs/acme/actions/runners')).toMatchObject({ runners: [{ id: ours.id }] });
    expect((await github.send('GET', `${actions}/runners/${ours.id}`)).status).toBe(404);
    expect((await github.send('DELETE', `${actions}/runners/${ours.id}`)).status).toBe(404);
  });

  it('is found by its whole name', async () => {
    const github = await simulatorForTest();
    await github.mint('mine', labels);
    const { id } = await github.mint('mine-2', labels);
    expect(await github.runners('?name=mine-2')).toMatchObject([{ id }]);
    expect(await github.runners('?name=min')).toEqual([]);
  });

  it('stays while its runner is busy (422), and goes with its job', async () => {
    const github = await simulatorForTest();
    github.createRun(jobSpecs(1, labels));
    const runner = await github.mint('mine', labels);
    const place = `${actions}/runners/${runner.id}`;
    const [job = ''] = (await github.asRunner(runner, 'GET', '/message')).text.split('\n');
    expect(await github.read(place)).toMatchObject({ busy: true });
    expect((await github.send('DELETE', place)).status).toBe(422);
    expect(await github.read(place)).toMatchObject({ busy: true });
    await github.asRunner(runner, 'POST', `/jobs/${job}/complete`, 'success');
    expect((await github.send('GET', place)).status).toBe(404);
    expect((await github.send('DELETE', place)).status).toBe(404);
  });
});

/** Who takes what: one run of a job with `wanted`, one runner with `offered`. */
async function taken(wanted: readonly string[], offered: readonly string[]): Promise<boolean> {
  const github = await simulatorForTest();
  const run = github.createRun(jobSpecs(1, wanted));
  const runner = github.control.addForeignRunner('acme/app', 'other', offered);
  const job = github.control.takeJob(runner.id);
  const [listed] = await github.jobs(run.id);
  expect(listed?.runner_name).toBe(job === null ? null : 'other');
  expect(listed?.runner_id).toBe(job === null ? null : runner.id);
  return job !== null;
}

describe('a job goes to any idle runner', () => {
  it.each([
    ['the same labels', ['a', 'b'], ['b', 'a']],
    ['more labels', ['a'], ['b', 'a', 'c']],
    ['labels in other letters', ['Self-Hosted', 'SLURM-small'], ['self-hosted', 'slurm-SMALL']],
    ['any labels, when the job has none', [], ['a']],
  ])('with %s', async (_, wanted, offered) => {
    expect(await taken(wanted, offered)).toBe(true);
  });

  it.each([
    ['fewer labels', ['a', 'b'], ['a']],
    ['other labels', ['a'], ['b']],
    ['no labels', ['a'], []],
    ['a label that only begins alike', ['slurm'], ['slurm-small']],
  ])('but not with %s', async (_, wanted, offered) => {
    expect(await taken(wanted, offered)).toBe(false);
  });

  it('whoever it was made for: siblings take the oldest job first, each one', async () => {
    const github = await simulatorForTest();
    const runs = [github.createRun(jobSpecs(1)), github.createRun(jobSpecs(1))];
    const [first, second] = github.control.jobs();
    const take = (name: string) =>
      github.control.takeJob(github.control.addForeignRunner('acme/app', name, ['slurm-small']).id)?.id;
    expect([take('for-the-second'), take('for-the-first'), take('too-many')]).toEqual([
      first?.id,
      second?.id,
      undefined,
    ]);
    const jobs = await Promise.all(runs.map((run) => github.jobs(run.id)));
    expect(jobs.flat().map((job) => job.runner_name)).toEqual(['for-the-second', 'for-the-first']);
  });

  it('and no other: one who is busy gets its own again', async () => {
    const github = await simulatorForTest();
    github.createRun(jobSpecs(2));
    const { id } = github.control.addForeignRunner('acme/app', 'other', ['slurm-small']);
    const [first] = github.control.jobs();
    expect([github.control.takeJob(id)?.id, github.control.takeJob(id)?.id]).toEqual([first?.id, first?.id]);
    expect(github.control.jobs().map((job) => job.status)).toEqual(['in_progress', 'queued']);
  });

  it('of its repository, or of its organization', async () => {
    const github = await simulatorForTest();
    github.createRun(jobSpecs(1), 'build', 'acme/other');
    const add = (scope: string) => github.control.addForeignRunner(scope, scope, ['slurm-small']).id;
    // A name that only begins alike is somebody else's.
    for (const scope of ['acme/app', 'acme/oth', 'acm', 'other'])
      expect(github.control.takeJob(add(scope)), scope).toBeNull();
    expect(github.control.takeJob(add('acme'))).toMatchObject({ repository: 'acme/other' });
  });
});
