import { describe, expect, it } from 'vitest';
import { actions, type SimulatorForTest, simulatorForTest } from './simulator-for-test.ts';

const hourMs = 3_600_000;
const seconds = (ms: number): number => Math.floor(ms / 1_000);

function rateOf(headers: Headers) {
  const value = (name: string): number => Number(headers.get(`x-ratelimit-${name}`) ?? Number.NaN);
  return { limit: value('limit'), used: value('used'), remaining: value('remaining'), reset: value('reset') };
}

const spend = async (github: SimulatorForTest) =>
  rateOf((await github.send('GET', `${actions}/runs`)).headers);

describe('the primary limit', () => {
  it('is told with every answer, and each request takes a point, refused ones too', async () => {
    const github = await simulatorForTest({ rateLimit: 10 });
    const reset = seconds(github.clock.wallMs() + hourMs);
    const asked: [string, string][] = [
      ['GET', `${actions}/runs`],
      ['GET', `${actions}/runs/1`],
      ['POST', `${actions}/runners/generate-jitconfig`],
      ['GET', '/nothing/here'],
    ];
    const answers = [];
    for (const [method, path] of asked) answers.push(await github.send(method, path));
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 422, 404]);
    expect(answers.map(({ headers }) => rateOf(headers))).toEqual(
      [1, 2, 3, 4].map((used) => ({ limit: 10, used, remaining: 10 - used, reset })),
    );
    expect(answers.map(({ headers }) => headers.get('x-ratelimit-resource'))).toEqual(Array(4).fill('core'));
    expect(github.control.requests().map(({ status, cost }) => [status, cost])).toEqual([
      [200, 1],
      [404, 1],
      [422, 1],
      [404, 1],
    ]);
    expect(github.control.pointsSpent()).toBe(4);
  });

  it('can be asked for at no cost', async () => {
    const github = await simulatorForTest({ rateLimit: 10 });
    const last = await spend(github);
    const { rate } = await github.read<{ rate: object }>('/rate_limit');
    expect(rate).toEqual(last);
    expect((await spend(github)).used).toBe(last.used + 1);
  });

  it('takes nothing for a wrong token, and tells nothing', async () => {
    const github = await simulatorForTest();
    const { status, headers } = await github.send('GET', `${actions}/runs`, { token: 'wrong' });
    expect([status, headers.get('x-ratelimit-limit')]).toEqual([401, null]);
    expect(github.control.pointsSpent()).toBe(0);
  });

  it('used up refuses with 403 and remaining 0, and nothing happens', async () => {
    const github = await simulatorForTest({ rateLimit: 2 });
    await spend(github);
    expect(await spend(github)).toMatchObject({ used: 2, remaining: 0 });
    const refused = await github.register('too-late', ['slurm-small']);
    expect(refused.status).toBe(403);
    expect(refused.text).toContain('rate limit');
    expect(rateOf(refused.headers)).toMatchObject({ limit: 2, used: 2, remaining: 0 });
    expect(github.control.runners()).toEqual([]);
    expect(github.control.requests().at(-1)).toMatchObject({ status: 403, cost: 0 });
    expect((await github.send('GET', '/rate_limit')).status).toBe(200);
  });

  it('is whole again after its hour, at the second that was told', async () => {
    const github = await simulatorForTest({ rateLimit: 1 });
    const { reset } = await spend(github);
    github.clock.setWall(reset * 1_000 - 1);
    expect((await github.send('GET', `${actions}/runs`)).status).toBe(403);
    github.clock.advance(1);
    const { status, headers } = await github.send('GET', `${actions}/runs`);
    expect(status).toBe(200);
    expect(rateOf(headers)).toEqual({ limit: 1, used: 1, remaining: 0, reset: reset + seconds(hourMs) });
    expect(github.control.pointsSpent()).toBe(2);
  });
});
