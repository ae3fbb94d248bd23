import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { jobScript } from '../../src/cli/launches.ts';
import { freePort } from '../support/free-port.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { claimToken, grantClaim, granted, ok, paths, startJob } from './start-job.ts';

describe('the claim', () => {
  it('200: one runner in a folder of its own, with the JIT config in its environment, and nothing is left', async () => {
    const job = await startJob(
      'env > "$SEEN/env"; pwd > "$SEEN/pwd"; echo ran > _diag; tr "\\0" " " < /proc/$$/cmdline > "$SEEN/argv"',
      grantClaim,
    );
    expect(await job.ended).toBe(0);
    expect(job.requests[0]).toEqual({
      path: '/v1/allocations/abc/claim',
      token: claimToken,
      form: {
        slurm_job_id: '42',
        node: 'node7',
        restart_count: '0',
        work_folder: join(job.scratch, 'gha-42-abc/work/_work'),
        elapsed_ms: expect.stringMatching(/^\d+$/),
        prepared_ms: expect.stringMatching(/^\d+$/),
        image_ms: '',
        docker_ms: '',
      },
    });
    const env = readFileSync(join(job.seen, 'env'), 'utf8');
    expect(env).toContain('ACTIONS_RUNNER_INPUT_JITCONFIG=SklUIGNvbmZpZw==');
    expect(env).not.toMatch(/GHA_SLURM|claim-token|event-token/);
    expect(readFileSync(join(job.seen, 'pwd'), 'utf8')).toContain(job.scratch);
    expect(readFileSync(join(job.seen, 'argv'), 'utf8')).not.toContain('SklU');
    expect(readdirSync(job.scratch)).toEqual([]);
    expect(paths(job.requests)).toEqual(['/claim', '/output', '/events exit']);
    expect(job.requests[1]?.token).toBe('event-token-of-the-test');
  });

  it.each([409, 410])('%i: exits 0 at once, without a runner', async (status) => {
    const job = await startJob('touch "$SEEN/ran"', () => ({ status, body: 'not wanted' }));
    expect(await job.ended).toBe(0);
    expect(readdirSync(job.seen)).toEqual([]);
    expect(readdirSync(job.scratch)).toEqual([]);
    expect(job.output()).toContain('not wanted');
  });

  it('401: exits 1', async () => {
    const job = await startJob('touch "$SEEN/ran"', () => ({ status: 401 }));
    expect(await job.ended).toBe(1);
    expect(readdirSync(job.seen)).toEqual([]);
    expect(readdirSync(job.scratch)).toEqual([]);
  });

  it.each([
    ['503 with Retry-After', { status: 503, headers: { 'Retry-After': '0' } }],
    ["a proxy's 502", { status: 502, headers: { 'Content-Type': 'text/html' }, body: '<html>' }],
    ['404', { status: 404 }],
    ...[403, 429, 500, 504].map((status) => [`${status}`, { status, body: 'not now' }] as const),
    ['200 that is cut in the middle', { ...granted(), cutAfter: 6 }],
    ["a proxy's page with 200", { status: 200, headers: { 'Content-Type': 'text/html' }, body: '<html>' }],
    ['200 that is empty', { ...granted(), body: '' }],
  ] as const)('%s: asks again, until it is granted', async (_what, refusal) => {
    const job = await startJob('true', (request, before) =>
      request.path.endsWith('/claim') && before.length < 1 ? refusal : grantClaim(request),
    );
    expect(await job.ended).toBe(0);
    expect(paths(job.requests)).toEqual(['/claim', '/claim', '/output', '/events exit']);
  });

  it('nobody answers for as long as it may wait: exits 75 and says what to check', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const job = await startJob('true', () => ok, { url, env: { GHA_SLURM_CLAIM_WAIT: '0' } });
    expect(await job.ended).toBe(75);
    expect(job.output()).toContain('runner.callbackUrl');
    expect(readdirSync(job.scratch)).toEqual([]);
  });

  it('without a claim token: exits 1 and says by whom it is started', async () => {
    const job = await startJob('true', grantClaim, { env: { GHA_SLURM_CLAIM_TOKEN: '' } });
    expect(await job.ended).toBe(1);
    expect(job.output()).toContain('started by the service only');
    expect(job.requests).toEqual([]);
  });

  it('tells how often Slurm has started it before', async () => {
    const job = await startJob('true', () => ({ status: 410 }), { env: { SLURM_RESTART_COUNT: '2' } });
    await job.ended;
    expect(job.requests[0]?.form['restart_count']).toBe('2');
  });
});

describe('secrets', () => {
  it('no step finds the claim token: in no environment, no command line and no file, at no time', async () => {
    const found: string[] = [];
    let looks = 0;
    const job = await startJob('echo $$ > "$SEEN/pid"; sleep 30', (request) => {
      // While curl is under way.
      looks += look(found);
      return grantClaim(request);
    });
    await until(() => existsSync(join(job.seen, 'pid')));
    looks += look(found);
    expect(looks).toBeGreaterThan(2);
    expect(found).toEqual([]);
    for (const name of readdirSync(job.scratch, { recursive: true, withFileTypes: true })) {
      if (!name.isFile()) continue;
      expect(readFileSync(join(name.parentPath, name.name), 'utf8'), name.name).not.toContain(claimToken);
    }
    job.signal('SIGTERM');
    expect(await job.ended).toBe(0);
  });

  const docker = { mirrors: [], preload: null, storageDriver: null, hostLoopback: false };
  it.each([
    { kind: 'command', docker: null },
    { kind: 'command', docker },
    { kind: 'apptainer', docker: null },
    { kind: 'apptainer', docker },
    { kind: 'docker', docker },
  ] as const)('$kind: the same text for every allocation, whole by itself', (launcher) => {
    const text = jobScript(launcher);
    expect(text).not.toMatch(/\{\{|<%|@@/);
    // Of bytes, which is quicker to send than of UTF-16.
    expect(text).toMatch(/^[\t\n -~]+$/);
    // Slurm's limit for a batch script is 4 MB; what goes over the wire a thousand times should be small.
    expect(text.length).toBeLessThan(32_768);
    for (const handoff of ['callback', 'mailbox'] as const)
      expect(jobScript(launcher, { handoff, check: true }).length, handoff).toBeLessThan(38_000);
    const called = ['launcher_check', 'launcher_prepare', 'launcher_run', 'launcher_clean', 'docker_clean'];
    for (const name of called) expect(text.split(`\n${name}() {`), name).toHaveLength(2);
    expect(spawnSync('bash', ['-n'], { input: text }).status).toBe(0);
  });
});

describe('the end', () => {
  it('the warning before the time limit reaches the runner as INT, and what it has started', async () => {
    const job = await startJob(
      'trap "echo INT > $SEEN/signal; exit 0" INT; (trap "echo INT > $SEEN/child; exit 0" INT; touch $SEEN/ready; while :; do sleep 0.1; done) & while :; do sleep 0.1; done',
      grantClaim,
    );
    await until(() => existsSync(join(job.seen, 'ready')));
    job.signal('SIGTERM');
    expect(await job.ended).toBe(0);
    expect(readdirSync(job.seen)).toEqual(expect.arrayContaining(['signal']));
    expect(readdirSync(job.scratch)).toEqual([]);
  });

  it('told again when its time is up: a runner that has not ended is killed, and its folder goes with it', async () => {
    const job = await startJob(
      'trap "" INT TERM; mkdir _work; touch "$SEEN/ready"; while :; do sleep 0.1; done',
      grantClaim,
    );
    await until(() => existsSync(join(job.seen, 'ready')));
    job.signal('SIGTERM');
    await until(() => job.output().includes('interrupting the runner'));
    // The time limit tells it twice at once: that is no sign that the runner has had its time.
    job.signal('SIGTERM');
    expect(readdirSync(job.scratch)).toHaveLength(1);
    const again = setInterval(() => job.signal('SIGTERM'), 200);
    expect(await job.ended).toBe(0);
    clearInterval(again);
    expect(job.output()).toContain('killing the runner');
    expect(readdirSync(job.scratch)).toEqual([]);
  });

  const inAnHour = () => String(Math.floor(Date.now() / 1_000) + 3_600);

  it('cancelled: it ends before Slurm kills it, whatever its runner, its hook and the service do', async () => {
    const hook = join(temporaryFolder(), 'exit');
    writeFileSync(hook, '#!/bin/sh\ntrap "" TERM; sleep 300\n', { mode: 0o755 });
    const job = await startJob(
      'trap "" INT TERM; touch "$SEEN/ready"; while :; do sleep 0.1; done',
      (request) => (request.path.endsWith('/events') ? { ...ok, isSilent: true } : grantClaim(request)),
      {
        env: {
          SLURM_JOB_END_TIME: inAnHour(),
          GHA_SLURM_KILL_WAIT: '12',
          GHA_SLURM_HOOKS: `exit 300 ${hook}`,
        },
      },
    );
    await until(() => existsSync(join(job.seen, 'ready')));
    // Once, as Slurm does.
    process.kill(-job.pid, 'SIGTERM');
    const inTime = AbortSignal.timeout(12_000);
    const isLate = once(inTime, 'abort').then(() => 'late');
    expect(await Promise.race([job.ended, isLate])).toBe(0);
    expect(readdirSync(job.scratch)).toEqual([]);
  });

  it('warned of its time limit: the runner has all of the time that is left', async () => {
    const job = await startJob(
      'trap "sleep 5; touch $SEEN/reported; exit 0" INT; touch "$SEEN/ready"; while :; do sleep 0.1; done',
      grantClaim,
      {
        env: {
          SLURM_JOB_END_TIME: String(Math.floor(Date.now() / 1_000) + 100),
          GHA_SLURM_TIME_LIMIT_WARNING: '90',
          GHA_SLURM_KILL_WAIT: '6',
        },
      },
    );
    await until(() => existsSync(join(job.seen, 'ready')));
    job.signal('SIGTERM');
    expect(await job.ended).toBe(0);
    expect(readdirSync(job.seen)).toContain('reported');
    expect(readdirSync(job.scratch)).toEqual([]);
  });

  it('leaves no process of the runner and no folder, read-only ones included', async () => {
    const job = await startJob(
      'setsid sleep 300 & echo $! > "$SEEN/pid"; mkdir -p _work/a/b; touch _work/a/b/c; chmod -R a-w _work; exit 3',
      grantClaim,
    );
    expect(await job.ended).toBe(0);
    const pid = Number(readFileSync(join(job.seen, 'pid'), 'utf8'));
    await until(() => !existsSync(`/proc/${pid}`));
    expect(readdirSync(job.scratch)).toEqual([]);
  });

  it('TERM while it still waits for its claim: exits, and leaves nothing', async () => {
    const job = await startJob('true', () => ({ status: 503, headers: { 'Retry-After': '30' } }));
    await until(() => job.requests.length > 0);
    // Slurm's TERM goes to all processes of the step.
    process.kill(-job.pid, 'SIGTERM');
    await job.ended;
    expect(readdirSync(job.scratch)).toEqual([]);
  });

  it('a runner that is not there is said before the claim, and leaves nothing', async () => {
    const job = await startJob('true', grantClaim, {
      env: { GHA_SLURM_RUNNER_COMMAND: '/nowhere/run.sh' },
    });
    expect(await job.ended).toBe(69);
    expect(job.requests.slice(0, 1)).toEqual([
      {
        path: '/v1/allocations/abc/unfit',
        token: claimToken,
        form: {
          slurm_job_id: '42',
          node: 'node7',
          reason: 'the runner /nowhere/run.sh is not installed here: see runner.launcher.command',
        },
      },
    ]);
    expect(readdirSync(job.scratch)).toEqual([]);
  });
});

/** Looks for the claim token in what another process of the user may read of any process. */
function look(found: string[]): number {
  let looked = 0;
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    for (const file of ['environ', 'cmdline']) {
      try {
        const text = readFileSync(`/proc/${name}/${file}`, 'utf8');
        if (Number(name) === process.pid) continue;
        looked += 1;
        if (text.includes(claimToken)) found.push(`/proc/${name}/${file}`);
      } catch {
        // It has ended.
      }
    }
  }
  return looked;
}
