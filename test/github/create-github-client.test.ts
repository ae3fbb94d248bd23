/** The client over real HTTP, against the simulator. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { GitHubError } from '../../src/domain/errors.ts';
import { createGitHubClient, type GitHubClientOptions } from '../../src/github/create-github-client.ts';
import { type SimulatorOptions, startSimulator } from '../simulator/start-simulator.ts';
import { failureOf } from '../support/failure-of.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const repository = 'acme/app';
const nothingKnown = { runIds: [], openJobs: [] };

async function world(options: SimulatorOptions = {}, client: Partial<GitHubClientOptions> = {}) {
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

const jobs = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `job-${index}`, labels: ['slurm-small'] }));

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

describe('runners', () => {
  it('lists all pages, with who is online and who is busy', async () => {
    const { github, control } = await world();
    for (let count = 0; count < 130; count += 1)
      control.addForeignRunner(repository, `r-${count}`, ['x', 'slurm-small']);
    control.createRun(repository, 'build', jobs(1));
    control.takeJob(control.runners()[0]?.id ?? 0);
    const listed = await github.runners(repository);
    expect(listed.length).toBe(130);
    expect(listed.filter((runner) => runner.busy).map((runner) => runner.name)).toEqual(['r-0']);
    expect(listed.every((runner) => runner.online)).toBe(true);
    expect(listed.at(-1)?.labels).toEqual(['x', 'slurm-small']);
  });
});

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
