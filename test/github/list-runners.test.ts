/** A listing of runners whose pages are read one after the other, while runners come and go. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { GitHubError } from '../../src/domain/errors.ts';
import { createGitHubClient } from '../../src/github/create-github-client.ts';
import { failureOf } from '../support/failure-of.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { jobs, repository, world } from './client-of-simulator.ts';

const path = '/repos/{owner}/{repo}/actions/runners';

async function withRunners(count: number) {
  const there = await world();
  const { control } = there;
  for (let index = 0; index < count; index += 1)
    control.addForeignRunner(repository, `r-${index}`, ['x', 'slurm-small']);
  const namesLeft = () => control.runners().map(({ name }) => name);
  /** A listing's first page is answered, and a runner of it leaves before the second one is. */
  const leaveBetweenPages = () => {
    const leave = () => control.deleteRunner(control.runners()[5]?.id ?? 0);
    control.fault({ kind: 'delay', path });
    control.fault({ kind: 'delay', path, meanwhile: leave });
  };
  return { ...there, namesLeft, leaveBetweenPages };
}

/** What GitHub answers, page by page: the ids of its runners, and how many it says there are. */
async function scripted(pages: readonly { readonly stated?: number; readonly ids: readonly number[] }[]) {
  const left = [...pages];
  const server = createServer((_request, response) => {
    const { stated, ids } = left.shift() ?? { stated: 0, ids: [] };
    const runners = ids.map((id) => ({ id, name: `r-${id}`, status: 'online', busy: false, labels: [] }));
    response
      .writeHead(200, { 'Content-Type': 'application/json' })
      .end(JSON.stringify({ total_count: stated, runners }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return createGitHubClient({ apiUrl, token: 'token', clock: new VirtualClock(), retries: 0 });
}

const upTo = (last: number, first = 1) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe('runners', () => {
  it('has all pages, with who is online and who is busy', async () => {
    const { github, control } = await withRunners(230);
    control.createRun(repository, 'build', jobs(1));
    control.takeJob(control.runners()[0]?.id ?? 0);
    const listed = await github.runners(repository);
    expect(listed.map(({ name }) => name)).toEqual(upTo(229, 0).map((index) => `r-${index}`));
    expect(listed.filter((runner) => runner.busy).map((runner) => runner.name)).toEqual(['r-0']);
    expect(listed.every((runner) => runner.online)).toBe(true);
    expect(listed.at(-1)?.labels).toEqual(['x', 'slurm-small']);
  });

  it('has nothing of a scope without any', async () => {
    const { github } = await withRunners(0);
    expect(await github.runners(repository)).toEqual([]);
  });

  it('lacks nobody when one leaves between two pages: it is read again', async () => {
    const { github, namesLeft, leaveBetweenPages } = await withRunners(101);
    leaveBetweenPages();
    const listed = await github.runners(repository);
    expect(listed.map(({ name }) => name)).toContain('r-100');
    expect(listed.map(({ name }) => name)).toEqual(namesLeft());
  });

  it('fails with a sentence when somebody leaves each time', async () => {
    const { github, control, leaveBetweenPages } = await withRunners(110);
    for (let listings = 0; listings < 3; listings += 1) leaveBetweenPages();
    const error = await failureOf(GitHubError, github.runners(repository));
    expect(error).toMatchObject({ kind: 'unavailable', notCreated: false });
    expect(error.message).toMatch(/list of runners changed each of the 3 times .*acme\/app/);
    expect(control.requests()).toHaveLength(6);
  });

  it('is read again when one came twice: another one may have been left out', async () => {
    const github = await scripted([
      { stated: 101, ids: upTo(100) },
      { stated: 101, ids: [100] },
      { stated: 101, ids: upTo(100) },
      { stated: 101, ids: [101] },
    ]);
    expect((await github.runners(repository)).map(({ id }) => id)).toEqual(upTo(101));
  });

  it('is read again when fewer came than one page states', async () => {
    const github = await scripted([
      { stated: 3, ids: [1, 2] },
      { stated: 3, ids: [1, 2, 3] },
    ]);
    expect((await github.runners(repository)).map(({ id }) => id)).toEqual([1, 2, 3]);
  });

  it('is no listing where it does not state how many there are', async () => {
    const github = await scripted([{ ids: [1] }]);
    expect(await failureOf(GitHubError, github.runners(repository))).toMatchObject({ kind: 'unavailable' });
  });
});

describe('runner', () => {
  it('is found by its whole name, in one request', async () => {
    const { github, control } = await withRunners(120);
    expect(await github.runner(repository, 'r-119')).toMatchObject({ name: 'r-119', busy: false });
    expect(await github.runner(repository, 'r-')).toBeNull();
    expect(control.requests()).toHaveLength(2);
  });

  it('is not missing where GitHub has more than it tells', async () => {
    const github = await scripted([{ stated: 200, ids: [1] }]);
    expect(await failureOf(GitHubError, github.runner(repository, 'r-150'))).toMatchObject({
      kind: 'unavailable',
    });
  });
});
