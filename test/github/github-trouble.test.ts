/** The client where GitHub refuses, fails or is given up. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { GitHubError } from '../../src/domain/errors.ts';
import { createGitHubClient } from '../../src/github/create-github-client.ts';
import { failureOf } from '../support/failure-of.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { jobs, nothingKnown, repository, world } from './client-of-simulator.ts';

describe('limits', () => {
  it('used up: says so, asks nothing until the reset, then goes on by itself', async () => {
    const { github, clock, control } = await world({ rateLimit: 4 });
    control.createRun(repository, 'build', jobs(1));
    await github.observe(repository, nothingKnown);
    control.createRun(repository, 'more', jobs(1));
    expect(await failureOf(GitHubError, github.observe(repository, nothingKnown))).toMatchObject({
      kind: 'rate-limited',
    });
    const asked = control.requests().length;
    const refused = await failureOf(GitHubError, github.observe(repository, nothingKnown));
    expect(refused).toMatchObject({ kind: 'rate-limited', notCreated: true });
    expect(control.requests().length).toBe(asked);
    expect(github.pollDelayMs(5_000)).toBeGreaterThan(3_000_000);
    clock.advance(3_600_001);
    expect(github.pollDelayMs(5_000)).toBe(5_000);
    expect((await github.observe(repository, nothingKnown)).runs.length).toBeGreaterThan(0);
  });

  it('a poll costs what all its repositories cost: the interval stretches so that it never has to stop', async () => {
    const { github, clock, control } = await world({ rateLimit: 200 });
    const repositories = Array.from({ length: 4 }, (_, index) => `acme/app-${index}`);
    for (const name of repositories) control.addRepository(name);
    const begunMs = clock.monotonicMs();
    let longestMs = 0;
    while (clock.monotonicMs() - begunMs < 3_500_000) {
      // Something happens everywhere: every listing costs a point.
      for (const name of repositories) control.createRun(name, 'build', []);
      await Promise.all(repositories.map((name) => github.observe(name, nothingKnown)));
      const delayMs = github.pollDelayMs(5_000);
      longestMs = Math.max(longestMs, delayMs);
      clock.advance(delayMs);
    }
    // 160 points for 8 a poll: twenty polls in an hour.
    expect(longestMs).toBeLessThan(400_000);
  });

  it('a secondary limit that says no time is waited for twice as long each time in a row', async () => {
    const { github, clock, control } = await world();
    const waits: (number | null)[] = [];
    for (let refused = 0; refused < 3; refused += 1) {
      control.fault({
        kind: 'status',
        status: 403,
        message: 'You have exceeded a secondary rate limit',
        times: 20,
      });
      const error = await failureOf(GitHubError, github.observe(repository, nothingKnown));
      waits.push(error.retryAfterMs);
      github.pollDelayMs(5_000);
      control.clearFaults();
      clock.advance(error.retryAfterMs ?? 0);
    }
    expect(waits).toEqual([60_000, 120_000, 240_000]);
    await github.observe(repository, nothingKnown);
  });

  it('a secondary limit with retry-after: the caller is told how long, at once', async () => {
    const { github, control } = await world();
    control.fault({
      kind: 'status',
      status: 429,
      headers: { 'Retry-After': '42' },
      message: 'You have exceeded a secondary rate limit',
    });
    const error = await failureOf(GitHubError, github.mint(repository, { name: 'r', labels: ['x'] }));
    expect(error).toMatchObject({ kind: 'rate-limited', retryAfterMs: 42_000, notCreated: true });
  });

  it('an answer that does not come is given up after the time limit', async () => {
    const { github, control } = await world({}, { requestTimeoutMs: 150 });
    control.setLatency(60_000);
    const error = await failureOf(GitHubError, github.mint(repository, { name: 'r', labels: ['x'] }));
    expect(error).toMatchObject({ kind: 'unavailable', notCreated: false });
    expect(error.message).toContain('no answer in time');
  });
});

describe('errors', () => {
  it('never carry the token or the request, and say what to do', async () => {
    const { github, control, simulator } = await world();
    for (const status of [401, 403, 404, 422, 500]) {
      // Requests of one observation go out together: each of them meets it.
      control.fault({ kind: 'status', status, message: 'words of GitHub', times: 20 });
      const error = await failureOf(GitHubError, github.observe(repository, nothingKnown));
      const everything = `${JSON.stringify(error, Object.getOwnPropertyNames(error))} ${error.stack} ${String(error.cause)}`;
      expect(everything).not.toContain(simulator.token);
      expect(error.message).toContain(repository);
      control.clearFaults();
    }
    const wrong = createGitHubClient({
      apiUrl: simulator.url,
      token: 'ghp_wrong',
      clock: new VirtualClock(),
    });
    expect((await failureOf(GitHubError, wrong.observe(repository, nothingKnown))).message).toMatch(
      /github\.auth\.token/,
    );
    expect((await failureOf(GitHubError, github.observe('acme/none', nothingKnown))).message).toMatch(
      /github\.watch/,
    );
  });

  it('nothing listens there: certainly nothing happened', async () => {
    const github = createGitHubClient({
      apiUrl: `http://127.0.0.1:${await freePort()}`,
      token: 't',
      clock: new VirtualClock(),
      retries: 0,
    });
    const error = await failureOf(GitHubError, github.mint(repository, { name: 'r', labels: ['x'] }));
    expect(error).toMatchObject({ kind: 'unavailable', notCreated: true });
    expect(error.message).toMatch(/ECONNREFUSED.*github\.apiUrl/);
  });

  it('an answer of another form is not taken for GitHub: nothing is guessed', async () => {
    const server = createServer((_request, response) => {
      response.writeHead(201, { 'Content-Type': 'application/json' }).end('{"hello": "world"}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const github = createGitHubClient({ apiUrl, token: 't', clock: new VirtualClock(), retries: 0 });
    expect(await failureOf(GitHubError, github.mint(repository, { name: 'r', labels: ['x'] }))).toMatchObject(
      {
        kind: 'unavailable',
        notCreated: false,
      },
    );
    expect(await failureOf(GitHubError, github.observe(repository, nothingKnown))).toMatchObject({
      kind: 'unavailable',
    });
  });
});

describe('at the end of the service', () => {
  /** A client with all the time in the world, and the two signals that end its calls. */
  const ending = (apiUrl: string, token = 't') => {
    const looks = new AbortController();
    const changes = new AbortController();
    const ends = { looks: looks.signal, changes: changes.signal };
    const options = { apiUrl, token, clock: new VirtualClock(), requestTimeoutMs: 600_000, ends };
    return { looks, changes, github: createGitHubClient(options) };
  };
  /** Takes requests, and answers none. */
  async function silent() {
    let asked = 0;
    const server = createServer(() => {
      asked += 1;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return { ...ending(apiUrl), asked: () => asked };
  }

  it('a look that is not answered is given up at once, and those after it are not sent', async () => {
    const { github, looks, asked } = await silent();
    const look = failureOf(GitHubError, github.observe(repository, nothingKnown));
    await until(() => asked() > 0);
    looks.abort();
    expect((await look).message).toContain('the service is ending');
    const sent = asked();
    const next = await failureOf(GitHubError, github.observe(repository, nothingKnown));
    expect(next.message).toContain('the service is ending');
    expect(asked()).toBe(sent);
  });

  it('a mutation has its moment, and is in doubt after it', async () => {
    const { github, looks, changes, asked } = await silent();
    let over = false;
    const mint = failureOf(GitHubError, github.mint(repository, { name: 'r', labels: ['x'] })).finally(() => {
      over = true;
    });
    await until(() => asked() > 0);
    looks.abort();
    await new Promise((resolve) => setImmediate(resolve));
    expect(over).toBe(false);
    changes.abort();
    expect(await mint).toMatchObject({ kind: 'unavailable', notCreated: false });
  });

  it('a mutation that waits for its turn is not waited for', async () => {
    const { simulator, control } = await world();
    const { github, changes } = ending(simulator.url, simulator.token);
    const mints = Array.from({ length: 100 }, async (_, index) =>
      github.mint(repository, { name: `r-${index}`, labels: ['x'] }).then(
        () => 'minted',
        (error: GitHubError) => error.message,
      ),
    );
    // Sixty at once, and one more a second.
    await until(() => control.runners().length >= 60);
    changes.abort();
    const outcomes = await Promise.all(mints);
    const ended = outcomes.filter((outcome) => outcome.includes('the service is ending'));
    expect(ended.length).toBeGreaterThan(0);
    expect(outcomes.filter((outcome) => outcome === 'minted').length + ended.length).toBe(100);
  });
});
