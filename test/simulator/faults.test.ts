import { describe, expect, it } from 'vitest';
import { actions, jobSpecs, type SimulatorForTest, simulatorForTest } from './simulator-for-test.ts';

const path = '/repos/{owner}/{repo}/actions/runners/generate-jitconfig';
const register = (github: SimulatorForTest) => github.register('mine', ['slurm-small']);
const registered = (github: SimulatorForTest): string[] => github.control.runners().map(({ name }) => name);

/** As `register`, but the body is left to be read. */
const registerRaw = (github: SimulatorForTest): Promise<Response> =>
  fetch(`${github.url}${actions}/runners/generate-jitconfig`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${github.token}` },
    body: JSON.stringify({ name: 'mine', labels: ['slurm-small'], runner_group_id: 1 }),
  });

describe('a fault', () => {
  it('status: answers so, with headers and words, and nothing happens', async () => {
    const github = await simulatorForTest();
    github.control.fault({
      kind: 'status',
      path,
      status: 403,
      headers: { 'Retry-After': '7' },
      message: 'slow down',
    });
    const { status, headers, text } = await register(github);
    expect([status, headers.get('retry-after'), JSON.parse(text)]).toEqual([
      403,
      '7',
      { message: 'slow down' },
    ]);
    expect(headers.get('x-ratelimit-used')).toBe('1');
    expect(registered(github)).toEqual([]);
    expect((await register(github)).status).toBe(201);
  });

  it('status: is 500 unless told otherwise', async () => {
    const github = await simulatorForTest();
    github.control.fault({ kind: 'status' });
    expect((await github.send('GET', `${actions}/runs`)).status).toBe(500);
  });

  it('lost-after: it happens, and no answer comes', async () => {
    const github = await simulatorForTest();
    github.control.fault({ kind: 'lost-after', path });
    await expect(registerRaw(github)).rejects.toThrow('fetch failed');
    expect(registered(github)).toEqual(['mine']);
    // Who tries again meets what it has made itself.
    expect((await register(github)).status).toBe(409);
  });

  it('cut: it happens, and the answer breaks off in its middle', async () => {
    const github = await simulatorForTest();
    github.control.fault({ kind: 'cut', path });
    const response = await registerRaw(github);
    expect([response.status, response.headers.get('content-type')]).toEqual([201, 'application/json']);
    await expect(response.text()).rejects.toThrow('terminated');
    expect(registered(github)).toEqual(['mine']);
  });

  it('not-json: it happens, and the answer is a page of a proxy', async () => {
    const github = await simulatorForTest();
    github.control.fault({ kind: 'not-json', path });
    const { status, headers, text } = await register(github);
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html']);
    expect(text).toContain('<html>');
    expect(registered(github)).toEqual(['mine']);
  });

  it('empty: it happens, and the answer has no body', async () => {
    const github = await simulatorForTest();
    github.control.fault({ kind: 'empty', path });
    const { status, headers, text } = await register(github);
    expect([status, headers.get('content-type'), text]).toEqual([201, 'application/json', '']);
    expect(registered(github)).toEqual(['mine']);
  });

  it('delay: the answer is as always, later', async () => {
    const github = await simulatorForTest();
    github.control.fault({ kind: 'delay', path, delayMs: 120 });
    const before = performance.now();
    const { status, headers, text } = await register(github);
    expect(performance.now() - before).toBeGreaterThan(110);
    expect([status, headers.get('x-ratelimit-used')]).toEqual([201, '1']);
    expect(JSON.parse(text)).toMatchObject({ runner: { name: 'mine' } });
  });

  it('meets as many requests as it says, of its method and path only', async () => {
    const github = await simulatorForTest();
    github.control.fault({
      kind: 'status',
      method: 'GET',
      path: '/repos/{owner}/{repo}/actions/runners',
      times: 2,
    });
    const runners = async () => (await github.send('GET', `${actions}/runners`)).status;
    expect((await github.send('GET', `${actions}/runs`)).status).toBe(200);
    expect((await register(github)).status).toBe(201);
    expect([await runners(), await runners(), await runners()]).toEqual([500, 500, 200]);
  });

  it('of one method leaves the others of that path alone', async () => {
    const github = await simulatorForTest();
    const { id } = await github.mint('mine', ['slurm-small']);
    github.control.fault({ kind: 'status', method: 'DELETE' });
    expect((await github.send('GET', `${actions}/runners/${id}`)).status).toBe(200);
    expect((await github.send('DELETE', `${actions}/runners/${id}`)).status).toBe(500);
    expect((await github.send('DELETE', `${actions}/runners/${id}`)).status).toBe(204);
  });

  it('waits its turn behind one that was ordered before it, and goes when all are cleared', async () => {
    const github = await simulatorForTest();
    for (const status of [501, 502, 503]) github.control.fault({ kind: 'status', status });
    const runs = async () => (await github.send('GET', `${actions}/runs`)).status;
    expect([await runs(), await runs()]).toEqual([501, 502]);
    github.control.clearFaults();
    expect(await runs()).toBe(200);
  });
});

describe('latency', () => {
  it('is of every answer, until it is switched off', async () => {
    const github = await simulatorForTest({ latencyMs: 100 });
    github.createRun(jobSpecs(1));
    const durationOf = async (path: string): Promise<number> => {
      const before = performance.now();
      await github.send('GET', path);
      return performance.now() - before;
    };
    for (const place of [`${actions}/runs`, `${actions}/runs/1`, '/rate_limit'])
      expect(await durationOf(place)).toBeGreaterThan(95);
    github.control.setLatency(0);
    const durations = [];
    for (let count = 0; count < 5; count += 1) durations.push(await durationOf(`${actions}/runs`));
    // Of several, since a busy machine may keep one of them waiting.
    expect(Math.min(...durations)).toBeLessThan(95);
  });
});
