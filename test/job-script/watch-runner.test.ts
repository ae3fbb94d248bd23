import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { grantClaim, granted, ok, paths, startJob } from './start-job.ts';

describe('while it runs', () => {
  it('hooks report the start and the end of the job with the event token', async () => {
    const job = await startJob(
      '"$ACTIONS_RUNNER_HOOK_JOB_STARTED"; "$ACTIONS_RUNNER_HOOK_JOB_COMPLETED"',
      grantClaim,
    );
    expect(await job.ended).toBe(0);
    expect(paths(job.requests)).toEqual(['/claim', '/events started', '/events finished', '/events exit']);
    expect(job.requests.slice(1).every(({ token }) => token === 'event-token-of-the-test')).toBe(true);
  });

  it('an event that arrives in pieces is one', async () => {
    const job = await startJob(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: of bash
      'events=${ACTIONS_RUNNER_HOOK_JOB_STARTED%/*}/events; printf star > "$events"; sleep 2.5; echo ted > "$events"; : > "${events%events}started"',
      grantClaim,
    );
    expect(await job.ended).toBe(0);
    expect(paths(job.requests)).toEqual(['/claim', '/events started', '/events exit']);
  });

  it('an idle runner is stopped when the service says so, and not before', async () => {
    const job = await startJob(
      'trap "touch $SEEN/INT; exit 0" INT; while :; do sleep 0.1; done',
      (request, before) => {
        if (request.path.endsWith('/claim')) return granted(1);
        const asked = before.filter(({ path }) => path.endsWith('/idle')).length;
        return request.path.endsWith('/idle') ? { status: 200, body: asked < 1 ? 'stay' : 'stop' } : ok;
      },
    );
    expect(await job.ended).toBe(0);
    expect(paths(job.requests)).toEqual(['/claim', '/idle', '/idle', '/output', '/events exit']);
    expect(readdirSync(job.seen)).toEqual(['INT']);
  });

  it('a runner that has started a job is never asked about', async () => {
    const job = await startJob(
      '"$ACTIONS_RUNNER_HOOK_JOB_STARTED"; for i in 1 2 3 4 5 6 7 8; do sleep 0.25; done',
      (request) => (request.path.endsWith('/claim') ? granted(1) : ok),
    );
    expect(await job.ended).toBe(0);
    expect(paths(job.requests)).toEqual(['/claim', '/events started', '/events exit']);
  });
});

describe('a runner that outlives its use', () => {
  const idles = 'trap "touch $SEEN/INT; exit 0" INT; while :; do sleep 0.1; done';

  it('without a job, while the service can not be asked: is stopped at the limit, and not before', async () => {
    const job = await startJob(
      idles,
      (request, before) => {
        if (request.path.endsWith('/claim')) return granted(1);
        if (!request.path.endsWith('/idle')) return ok;
        // An answer begins the time anew.
        return before.filter(({ path }) => path.endsWith('/idle')).length === 1
          ? { status: 200, body: 'stay' }
          : { status: 502 };
      },
      { env: { GHA_SLURM_IDLE_LIMIT: '2' } },
    );
    expect(await job.ended).toBe(0);
    expect(paths(job.requests)).toEqual([
      '/claim',
      '/idle',
      '/idle',
      '/idle',
      '/idle',
      '/output',
      '/events exit',
    ]);
    expect(job.output()).toContain("the service can't be asked for 2 s");
    expect(readdirSync(job.seen)).toEqual(['INT']);
  });

  it('its job is over, and it stays: is stopped', async () => {
    const job = await startJob(
      `"$ACTIONS_RUNNER_HOOK_JOB_STARTED"; "$ACTIONS_RUNNER_HOOK_JOB_COMPLETED"; ${idles}`,
      (request) => (request.path.endsWith('/claim') ? granted(1) : ok),
    );
    expect(await job.ended).toBe(0);
    expect(paths(job.requests)).toEqual(['/claim', '/events started', '/events finished', '/events exit']);
    expect(job.output()).toContain('its job is over for 1 s, and it has not ended');
    expect(readdirSync(job.seen)).toEqual(['INT']);
  });
});
