import { describe, expect, it } from 'vitest';
import { actions, jobSpecs, type SimulatorForTest, simulatorForTest } from './simulator-for-test.ts';

const used = async (github: SimulatorForTest): Promise<number> =>
  (await github.read<{ rate: { used: number } }>('/rate_limit')).rate.used;

async function knownAnswer(github: SimulatorForTest, path: string) {
  const { headers } = await github.send('GET', path);
  const etag = headers.get('etag') ?? '';
  return { etag, again: () => github.send('GET', path, { headers: { 'If-None-Match': etag } }) };
}

describe('a request that knows the last answer', () => {
  it.each([
    'runs',
    'runs?status=queued',
    'runs/RUN',
    'runs/RUN/jobs?per_page=2&page=2',
    'jobs/JOB',
    'runners',
  ])('%s: gets 304 without a body while nothing changes, at no cost', async (place) => {
    const github = await simulatorForTest();
    const run = github.createRun(jobSpecs(3));
    const path = `${actions}/${place.replace('RUN', `${run.id}`).replace('JOB', `${github.control.jobs()[0]?.id}`)}`;
    const { etag, again } = await knownAnswer(github, path);
    expect(etag).toMatch(/^"\w+"$/);
    const before = { used: await used(github), spent: github.control.pointsSpent() };
    // Time alone changes nothing.
    github.clock.advance(60_000);
    for (let time = 0; time < 3; time += 1) {
      const { status, headers, text } = await again();
      expect([status, text, headers.get('etag')]).toEqual([304, '', etag]);
      expect(headers.get('x-ratelimit-used')).toBe(String(before.used));
    }
    expect({ used: await used(github), spent: github.control.pointsSpent() }).toEqual(before);
    expect(github.control.requests().slice(-3)).toMatchObject(Array(3).fill({ status: 304, cost: 0 }));
  });

  it('gets a new answer with another ETag after a change, and pays for it', async () => {
    const github = await simulatorForTest();
    const run = github.createRun(jobSpecs(2));
    const { etag, again } = await knownAnswer(github, `${actions}/runs/${run.id}/jobs`);
    const before = await used(github);
    github.control.cancelJob(github.control.jobs()[0]?.id ?? 0);
    const changed = await again();
    expect(changed.status).toBe(200);
    expect(changed.text).toContain('"cancelled"');
    expect(changed.headers.get('etag')).toMatch(/^"\w+"$/);
    expect(changed.headers.get('etag')).not.toBe(etag);
    expect(await used(github)).toBe(before + 1);
    // What was known once is of no use any more.
    expect((await again()).status).toBe(200);
  });

  it('gets the Link header with a 304 too: pagination goes on from it', async () => {
    const github = await simulatorForTest();
    const run = github.createRun(jobSpecs(3));
    const path = `${actions}/runs/${run.id}/jobs?per_page=2`;
    const first = await github.send('GET', path);
    const { again } = await knownAnswer(github, path);
    expect((await again()).headers.get('link')).toBe(first.headers.get('link'));
    expect(first.headers.get('link')).toContain('rel="next"');
  });

  it('has no say in what is not there', async () => {
    const github = await simulatorForTest();
    const { headers, status } = await github.send('GET', `${actions}/runs/1`);
    expect([status, headers.get('etag')]).toEqual([404, null]);
  });
});
