import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { jobScript } from '../../src/cli/launches.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';
import { type Answer, claimToken, granted, type Request, startJob } from './start-job.ts';

const ok: Answer = { status: 204 };
const grantClaim = (request: Request): Answer => (request.path.endsWith('/claim') ? granted() : ok);
const paths = (requests: readonly Request[]): string[] =>
  requests.map(({ path, form }) =>
    `${path.replace('/v1/allocations/abc', '')} ${form['event'] ?? ''}`.trim(),
  );

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
      },
    });
    const env = readFileSync(join(job.seen, 'env'), 'utf8');
    expect(env).toContain('ACTIONS_RUNNER_INPUT_JITCONFIG=SklUIGNvbmZpZw==');
    expect(env).not.toMatch(/GHA_SLURM|claim-token|event-token/);
    expect(readFileSync(join(job.seen, 'pwd'), 'utf8')).toContain(job.scratch);
    expect(readFileSync(join(job.seen, 'argv'), 'utf8')).not.toContain('SklU');
    expect(readdirSync(job.scratch)).toEqual([]);
    expect(paths(job.requests)).toEqual(['/claim', '/events exit']);
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
  ] as const)('%s: asks again, until it is granted', async (_what, refusal) => {
    const job = await startJob('true', (request, before) =>
      request.path.endsWith('/claim') && before.length < 1 ? refusal : grantClaim(request),
    );
    expect(await job.ended).toBe(0);
    expect(paths(job.requests)).toEqual(['/claim', '/claim', '/events exit']);
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
    // Slurm's limit for a batch script is 4 MB; what goes over the wire a thousand times should be small.
    expect(text.length).toBeLessThan(32_768);
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
    expect(job.requests).toEqual([
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

describe('what a dead job has left', () => {
  it('is deleted by the next job on its node, with its processes; what a live job has is not', async () => {
    const live = await startJob('touch "$SEEN/ready"; while :; do sleep 0.1; done', grantClaim);
    await until(() => existsSync(join(live.seen, 'ready')));
    const dead = join(live.scratch, 'gha-7-dead');
    mkdirSync(join(dead, 'work/home'), { recursive: true });
    writeFileSync(join(dead, 'lock'), '');
    const escaped = spawn('sleep', ['300'], { cwd: join(dead, 'work'), stdio: 'ignore' });
    const byHome = spawn('sleep', ['300'], { env: { HOME: join(dead, 'work/home') }, stdio: 'ignore' });
    const ended = [escaped, byHome].map((child) => new Promise((resolve) => child.once('exit', resolve)));
    const next = await startJob('true', grantClaim, {
      env: { TMPDIR: live.scratch, SLURM_JOB_ID: '43' },
    });
    expect(await next.ended).toBe(0);
    await Promise.all(ended);
    expect(next.output()).toContain('deleting what a dead job has left: gha-7-dead');
    expect(readdirSync(live.scratch)).toEqual(['gha-42-abc']);
    live.signal('SIGTERM');
    await live.ended;
    expect(readdirSync(live.scratch)).toEqual([]);
  });
});

describe('a batch script that is killed', () => {
  it('while it runs: the next job ends all that its runner has left, at once and whatever that calls itself', async () => {
    const killed = await startJob(
      `cd /; env -i bash -c 'echo $$ > "$1"; exec sleep 300' - "$SEEN/nameless" & exec 1>&- 2>&-; wait`,
      grantClaim,
    );
    const file = join(killed.seen, 'nameless');
    await until(() => existsSync(file) && readFileSync(file, 'utf8') !== '');
    const pid = Number(readFileSync(file, 'utf8'));
    killed.signal('SIGKILL');
    await killed.ended;
    const next = await startJob('true', grantClaim, {
      env: { TMPDIR: killed.scratch, SLURM_JOB_ID: '43' },
    });
    expect(await next.ended).toBe(0);
    await until(() => !existsSync(`/proc/${pid}`));
    expect(readdirSync(killed.scratch)).toEqual([]);
  });

  it('while it waits for its claim: nothing that it has started holds its lock', async () => {
    const killed = await startJob('true', () => ({ status: 503, headers: { 'Retry-After': '30' } }));
    await until(() => killed.requests.length > 0);
    await until(() => childrenOf(killed.pid).includes('sleep'));
    killed.signal('SIGKILL');
    await killed.ended;
    const next = await startJob('true', grantClaim, {
      env: { TMPDIR: killed.scratch, SLURM_JOB_ID: '43' },
    });
    expect(await next.ended).toBe(0);
    expect(readdirSync(killed.scratch)).toEqual([]);
  });

  it('a session whose number another has by now is left alone', async () => {
    const other = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
    onTestFinished(() => void other.kill('SIGKILL'));
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const live = await startJob('sleep 300', grantClaim);
    const dead = join(live.scratch, 'gha-7-dead');
    mkdirSync(dead);
    writeFileSync(join(dead, 'lock'), '');
    writeFileSync(join(dead, 'session'), `${boot} ${readlinkSync('/proc/self/ns/pid')} ${other.pid}\n`);
    const next = await startJob('true', grantClaim, { env: { TMPDIR: live.scratch, SLURM_JOB_ID: '43' } });
    expect(await next.ended).toBe(0);
    expect(next.output()).toContain('deleting what a dead job has left: gha-7-dead');
    expect(other.signalCode).toBeNull();
    live.signal('SIGTERM');
    await live.ended;
  });
});

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
    expect(paths(job.requests)).toEqual(['/claim', '/idle', '/idle', '/events exit']);
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

/** What the children of a process are called. */
function childrenOf(pid: number): string[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return children.filter(Boolean).map((child) => {
    const name = `/proc/${child}/comm`;
    return existsSync(name) ? readFileSync(name, 'utf8').trim() : '';
  });
}

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
