/** What a runner that ended before its job started tells of itself. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { claimToken, grantClaim, granted, ok, paths, startJob } from './start-job.ts';

const outputOf = (job: { readonly requests: readonly { form: Readonly<Record<string, string>> }[] }) =>
  job.requests.find(({ form }) => form['output'] !== undefined)?.form['output'] ?? '';

it.each([undefined, '/dev/null'] as const)(
  'a runner that ends by itself: what was printed last, with Slurm’s output at %s',
  async (output) => {
    const job = await startJob(
      `for i in {1..2000}; do echo "line $i of what nobody wants to read any more, all of it"; done
    echo 'An error occurred: Not configured.' >&2; echo 'event-token-of-the-test'; exit 1`,
      grantClaim,
      output === undefined ? {} : { output },
    );
    expect(await job.ended).toBe(0);
    expect(paths(job.requests)).toEqual(['/claim', '/output', '/events exit']);
    expect(job.requests[1]?.token).toBe('event-token-of-the-test');
    const text = outputOf(job);
    expect(text).toContain('== output\n');
    expect(text).toContain('An error occurred: Not configured.\n***\n');
    expect(text).toContain('gha-slurm: the runner has ended');
    expect(text).not.toContain('line 1 of');
    expect(text.length).toBeLessThan(40_000);
    expect(readdirSync(job.scratch)).toEqual([]);
  },
);

it('a node that lacks something: with the claim token, and no token in it', async () => {
  const hook = join(temporaryFolder(), 'check');
  writeFileSync(hook, `#!/bin/sh\necho looking for a licence\necho ${claimToken}\nexit 1\n`, { mode: 0o755 });
  const job = await startJob('true', grantClaim, { env: { GHA_SLURM_HOOKS: `beforeClaim 20 ${hook}` } });
  expect(await job.ended).toBe(69);
  expect(paths(job.requests)).toEqual(['/unfit', '/output']);
  expect(job.requests[1]?.token).toBe(claimToken);
  expect(outputOf(job)).toContain('== hook.log\nlooking for a licence\n***\n');
  expect(outputOf(job)).not.toContain(claimToken);
});

it('a runner whose job started tells nothing', async () => {
  const job = await startJob('"$ACTIONS_RUNNER_HOOK_JOB_STARTED"', grantClaim);
  expect(await job.ended).toBe(0);
  expect(paths(job.requests)).toEqual(['/claim', '/events started', '/events exit']);
});

// One that does not reach GitHub tries for ever: somebody else ends it, and its output is all that says why.
describe('a runner that was ended before a job started', () => {
  const retries = `echo 'Retrying: connection refused'; trap "exit 0" INT; touch "$SEEN/ready"; while :; do sleep 0.1; done`;

  it('told to end: what was printed last', async () => {
    const job = await startJob(retries, grantClaim);
    await until(() => existsSync(join(job.seen, 'ready')));
    job.signal('SIGTERM');
    expect(await job.ended).toBe(0);
    expect(paths(job.requests)).toEqual(['/claim', '/output', '/events exit']);
    expect(outputOf(job)).toContain('Retrying: connection refused\n');
    expect(outputOf(job)).toContain('told to end: interrupting the runner');
  });

  it('by the watchdog: the same', async () => {
    const job = await startJob(retries, (request) =>
      request.path.endsWith('/claim')
        ? granted(1)
        : request.path.endsWith('/idle')
          ? { status: 200, body: 'stop' }
          : ok,
    );
    expect(await job.ended).toBe(0);
    expect(paths(job.requests)).toEqual(['/claim', '/idle', '/output', '/events exit']);
    expect(outputOf(job)).toContain('Retrying: connection refused\n');
  });

  it('whose job had started: nothing', async () => {
    const job = await startJob(`"$ACTIONS_RUNNER_HOOK_JOB_STARTED"; ${retries}`, grantClaim);
    await until(() => existsSync(join(job.seen, 'ready')));
    job.signal('SIGTERM');
    expect(await job.ended).toBe(0);
    expect(outputOf(job)).toBe('');
  });
});

it('no claim, no runner to tell of', async () => {
  const job = await startJob('true', () => ({ status: 410, body: 'not wanted' }));
  expect(await job.ended).toBe(0);
  expect(paths(job.requests)).toEqual(['/claim']);
});

it('a service that does not answer is not waited for longer than its time limit', async () => {
  const job = await startJob('true', (request) =>
    request.path.endsWith('/output')
      ? { status: 500 }
      : request.path.endsWith('/claim')
        ? grantClaim(request)
        : ok,
  );
  await until(() => job.requests.some(({ path }) => path.endsWith('/output')));
  expect(await job.ended).toBe(0);
  expect(readdirSync(job.scratch)).toEqual([]);
});
