import { describe, expect, it, onTestFinished } from 'vitest';
import type { ClaimAnswer, ClaimRequest } from '../../src/controller/claim-answer.ts';
import type { Controller } from '../../src/controller/create-controller.ts';
import type { StateView } from '../../src/controller/describe-state.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import { type ServerOptions, startServers } from '../../src/server/start-servers.ts';

const empty: StateView = { pools: [], jobs: [], allocations: [] };
const ready = { ready: true, database: null, slurm: null, repositories: [] };

/** A controller of which a test says what matters to it. */
function controllerWith(parts: Partial<Controller>): Controller {
  return {
    tick: async () => undefined,
    run: async () => undefined,
    claim: async () => ({ status: 410, message: 'gone' }),
    takeEvent: () => false,
    noteUnfit: () => false,
    noteOutput: () => false,
    answerIdle: async () => null,
    readiness: () => ready,
    pools: () => [],
    state: () => empty,
    explain: () => null,
    ...parts,
  };
}

async function serve(parts: Partial<Controller>, options: Partial<ServerOptions> = {}) {
  const metrics = createMetrics();
  const errors: object[] = [];
  const note = (data: object) => void errors.push(data);
  const controller = controllerWith(parts);
  metrics.watch(controller, { rateLimit: () => null });
  const servers = await startServers({
    listen: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 0 },
    adminToken: null,
    controller,
    metrics: metrics.registry,
    log: { debug: note, info: note, warn: note, error: note },
    ...options,
  });
  onTestFinished(() => servers.close());
  return {
    metrics,
    errors,
    listen: `http://127.0.0.1:${servers.listenPort}`,
    admin: `http://127.0.0.1:${servers.adminPort}`,
  };
}

const form = (fields: Record<string, string>, token = 'token') => ({
  method: 'POST',
  headers: { Authorization: `Bearer ${token}` },
  body: new URLSearchParams(fields),
});

describe('POST /v1/allocations/{id}/claim', () => {
  const claimWith = async (answer: ClaimAnswer, fields: Record<string, string> = { slurm_job_id: '7' }) => {
    const asked: unknown[] = [];
    const { listen } = await serve({
      claim: async (id: string, token: string, request: ClaimRequest) => {
        asked.push({ id, token, ...request });
        return answer;
      },
    });
    return { asked, response: await fetch(`${listen}/v1/allocations/abc/claim`, form(fields)) };
  };

  it('200 has the JIT config as its body, and the rest in headers', async () => {
    const fields = { slurm_job_id: '123456789012', node: 'n1', restart_count: '2' };
    const { asked, response } = await claimWith(
      { status: 200, jitConfig: 'JIT==', runnerName: 'gha-1', eventToken: 'event', idleTimeoutSeconds: 120 },
      fields,
    );
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('JIT==');
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': expect.stringContaining('text/plain'),
      'x-runner-name': 'gha-1',
      'x-event-token': 'event',
      'x-idle-timeout': '120',
    });
    expect(asked).toEqual([
      { id: 'abc', token: 'token', slurmJobId: 123_456_789_012, node: 'n1', restartCount: 2, took: {} },
    ]);
  });

  it("takes the node's times, and leaves out what is none: it costs no claim", async () => {
    const fields = { elapsed_ms: '1500', prepared_ms: '-3', image_ms: '', docker_ms: '9' };
    const { asked, response } = await claimWith(
      { status: 410, message: 'gone' },
      { slurm_job_id: '7', ...fields },
    );
    expect(response.status).toBe(410);
    expect(asked).toMatchObject([{ took: { elapsedMs: 1_500, dockerMs: 9 } }]);
  });

  it.each([401, 409, 410] as const)('%i says why', async (status) => {
    const { response } = await claimWith({ status, message: 'because' });
    expect(response.status).toBe(status);
    expect(await response.text()).toBe('because\n');
  });

  it('503 says when to ask again', async () => {
    const { response } = await claimWith({ status: 503, message: 'later', retryAfterSeconds: 9 });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('9');
  });

  it.each([{}, { slurm_job_id: 'x' }, { slurm_job_id: '-1' }, { slurm_job_id: '1', restart_count: 'often' }])(
    '400 for the form %j, and the controller is not asked',
    async (fields) => {
      const { asked, response } = await claimWith({ status: 410, message: 'x' }, fields);
      expect(response.status).toBe(400);
      expect(await response.text()).toMatch(/slurm_job_id|restart_count/);
      expect(asked).toEqual([]);
    },
  );

  it('500 does not show what went wrong inside, and logs it', async () => {
    const { listen, errors } = await serve({
      claim: async () => {
        throw new Error('the database is full of secrets');
      },
    });
    const response = await fetch(`${listen}/v1/allocations/abc/claim`, form({ slurm_job_id: '1' }));
    expect(response.status).toBe(500);
    expect(await response.text()).toBe('internal error\n');
    expect(errors.length).toBe(1);
  });
});

describe('POST …/output', () => {
  const send = (url: string, body: string, type = 'text/plain') =>
    fetch(`${url}/v1/allocations/abc/output`, {
      method: 'POST',
      headers: { Authorization: 'Bearer good', 'Content-Type': type },
      body,
    });

  it('204 for what a node printed, 401 for a wrong token, 415 for a form, 413 for what is too long', async () => {
    const told: string[] = [];
    const good = await serve({ noteOutput: (_id, token, text) => token === 'good' && told.push(text) > 0 });
    expect((await send(good.listen, 'it failed & more=1')).status).toBe(204);
    expect(told).toEqual(['it failed & more=1']);
    const bad = await serve({ noteOutput: () => false });
    expect((await send(bad.listen, 'x')).status).toBe(401);
    expect((await send(good.listen, 'a=b', 'application/x-www-form-urlencoded')).status).toBe(415);
    expect((await send(good.listen, 'x'.repeat(200_000))).status).toBe(413);
    // All that the batch script sends, with letters of several bytes.
    expect((await send(good.listen, 'ä'.repeat(32_768))).status).toBe(204);
    expect(told).toHaveLength(2);
  });
});

describe('POST …/events and …/idle', () => {
  it('204 for a known event, 401 for a wrong token, 400 for an unknown event', async () => {
    const { listen } = await serve({ takeEvent: (_id, token) => token === 'good' });
    const url = `${listen}/v1/allocations/abc/events`;
    expect((await fetch(url, form({ event: 'started' }, 'good'))).status).toBe(204);
    expect((await fetch(url, form({ event: 'started' }, 'bad'))).status).toBe(401);
    expect((await fetch(url, form({ event: 'exploded' }, 'good'))).status).toBe(400);
  });

  it('idle answers stop or stay, and 401', async () => {
    const { listen } = await serve({
      answerIdle: async (_id, token) => (token === 'good' ? 'stop' : null),
    });
    const url = `${listen}/v1/allocations/abc/idle`;
    const answer = await fetch(url, form({}, 'good'));
    expect([answer.status, await answer.text()]).toEqual([200, 'stop']);
    expect((await fetch(url, form({}, 'bad'))).status).toBe(401);
  });
});

describe('health', () => {
  it('/healthz is ok on both; /readyz is 503 with the reasons while a side does not answer', async () => {
    const failure = { message: 'Slurm: down', sinceMs: 1 };
    const { listen, admin } = await serve({
      readiness: () => ({ ready: false, database: null, slurm: failure, repositories: [] }),
    });
    for (const url of [listen, admin]) {
      expect((await fetch(`${url}/healthz`)).status).toBe(200);
      const response = await fetch(`${url}/readyz`);
      expect(response.status).toBe(503);
      expect(await response.json()).toEqual({
        ready: false,
        database: null,
        slurm: failure,
        repositories: [],
      });
    }
  });

  it('the claim API is not on the admin port, nor the state on the other', async () => {
    const { listen, admin } = await serve({});
    expect((await fetch(`${admin}/v1/allocations/a/claim`, form({ slurm_job_id: '1' }))).status).toBe(404);
    expect((await fetch(`${listen}/api/state`)).status).toBe(404);
    expect((await fetch(`${listen}/metrics`)).status).toBe(404);
  });
});

describe('admin', () => {
  it('asks for the token where one is configured, except for health', async () => {
    const { admin } = await serve({}, { adminToken: 'admin-secret' });
    const get = (path: string, token?: string) =>
      fetch(admin + path, token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } });
    expect((await get('/api/state')).status).toBe(401);
    expect((await get('/metrics', 'wrong')).status).toBe(401);
    expect((await get('/api/state', 'admin-secret')).status).toBe(200);
    expect((await get('/healthz')).status).toBe(200);
    // A path that only begins like health is no way around it.
    expect((await get('/healthz/../api/state')).status).toBe(401);
    expect((await get('/healthzz')).status).toBe(401);
  });

  it('/api/state hands a cursor on, and refuses what is none', async () => {
    const asked: unknown[] = [];
    const { admin } = await serve({
      state: (before) => {
        asked.push(before);
        return empty;
      },
    });
    expect(await (await fetch(`${admin}/api/state`)).json()).toEqual(empty);
    expect((await fetch(`${admin}/api/state?before=12~abc`)).status).toBe(200);
    expect((await fetch(`${admin}/api/state?before=x'--`)).status).toBe(400);
    expect(asked).toEqual([undefined, '12~abc']);
  });

  it('/api/jobs/{id} explains a job, and says when there is none', async () => {
    const life = {
      id: 7,
      runId: 1,
      attempt: 1,
      repository: 'acme/app',
      name: 'build',
      labels: ['slurm-small'],
      status: 'queued',
      conclusion: null,
      events: [],
      earlierTries: 0,
      phases: [],
      accounting: [],
      output: null,
      now: 'It waits.',
    };
    const { admin } = await serve({ explain: (id) => (id === 7 ? life : null) });
    expect(await (await fetch(`${admin}/api/jobs/7`)).json()).toEqual(life);
    for (const id of ['8', '-7', 'seven']) {
      const response = await fetch(`${admin}/api/jobs/${id}`);
      expect(response.status).toBe(404);
      expect(await response.json()).toEqual({ error: 'no such job is known here' });
    }
  });

  it('/metrics has the counters and the gauges', async () => {
    const pool = {
      scope: 'acme/app',
      profile: 'slurm-small',
      labels: ['slurm-small'],
      queued: 3,
      running: 1,
      submitting: 0,
      pending: 2,
      claimed: 0,
      busy: 1,
      resting: 2,
      blocked: 'refused',
    };
    const { admin, metrics } = await serve({ pools: () => [pool] });
    metrics.count('submits');
    metrics.count('submits');
    const text = await (await fetch(`${admin}/metrics`)).text();
    expect(text).toContain('gha_slurm_submits_total 2');
    expect(text).toContain('gha_slurm_ready 1');
    const labels = 'scope="acme/app",profile="slurm-small",labels="slurm-small"';
    expect(text).toContain(`gha_slurm_pool{${labels},state="queued"} 3`);
    expect(text).toContain(`gha_slurm_pool{${labels},state="resting"} 2`);
    expect(text).toContain(`gha_slurm_pool{${labels},state="blocked"} 1`);
  });
});

it('a port that is taken is said with its setting, and the other port is let go', async () => {
  const { listen } = await serve({});
  const taken = Number(new URL(listen).port);
  await expect(serve({}, { admin: { host: '127.0.0.1', port: taken } })).rejects.toThrow(
    /server\.admin 127\.0\.0\.1:\d+ can't be bound \(EADDRINUSE\)/,
  );
});
