import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { endSession } from '../support/end-session.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { grantClaim, startJob } from './start-job.ts';

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
    const live = await startJob('touch "$SEEN/ready"; sleep 300', grantClaim);
    // It has looked for what dead jobs have left.
    await until(() => existsSync(join(live.seen, 'ready')));
    const dead = join(live.scratch, 'gha-7-dead');
    mkdirSync(dead);
    writeFileSync(join(dead, 'lock'), '');
    writeFileSync(join(dead, 'session'), `${bootAndNamespace()} ${other.pid}\n`);
    // It has a process that is old enough.
    writeFileSync(join(dead, 'life'), `${Number.MAX_SAFE_INTEGER}\n`);
    const next = await startJob('true', grantClaim, { env: { TMPDIR: live.scratch, SLURM_JOB_ID: '43' } });
    expect(await next.ended).toBe(0);
    expect(next.output()).toContain('deleting what a dead job has left: gha-7-dead');
    expect(other.signalCode).toBeNull();
    live.signal('SIGTERM');
    await live.ended;
  });
});

describe('a session whose number is in use, and whose first process has ended', () => {
  it.each([
    ['began when its job was dead: it is left alone', -1, false],
    ['is as old as its job’s last sign of life: it is ended', 0, true],
  ])('%s', async (_what, offset, isEnded) => {
    const first = spawn('bash', ['-c', 'exec sleep 300 & echo $!'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [said] = (await once(first.stdout, 'data')) as [Buffer];
    const pid = Number(said.toString());
    onTestFinished(() => endSession(first.pid ?? 0, '/nowhere'));
    await until(() => !existsSync(`/proc/${first.pid}`));
    const scratch = temporaryFolder();
    const dead = join(scratch, 'gha-7-dead');
    mkdirSync(dead);
    writeFileSync(join(dead, 'lock'), '');
    writeFileSync(join(dead, 'session'), `${bootAndNamespace()} ${first.pid}\n`);
    const started = Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[21]);
    writeFileSync(join(dead, 'life'), `${started + offset}\n`);
    const next = await startJob('true', grantClaim, { env: { TMPDIR: scratch, SLURM_JOB_ID: '43' } });
    expect(await next.ended).toBe(0);
    expect(next.output()).toContain('deleting what a dead job has left: gha-7-dead');
    expect(isAlive(pid)).toBe(!isEnded);
    expect(readdirSync(scratch)).toEqual([]);
  });
});

describe('a folder that is being deleted', () => {
  it('is left to its own job while that lives, and is the next one’s after that', async () => {
    const scratch = temporaryFolder();
    const dead = join(scratch, '.gha-dead-gha-7-dead');
    mkdirSync(dead);
    const holder = spawn('flock', [join(dead, 'lock'), 'sh', '-c', 'echo locked; exec cat'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(holder.stdout, 'data');
    const sweep = async () => {
      const job = await startJob('true', grantClaim, { env: { TMPDIR: scratch, SLURM_JOB_ID: '43' } });
      expect(await job.ended).toBe(0);
      return readdirSync(scratch);
    };
    expect(await sweep()).toEqual(['.gha-dead-gha-7-dead']);
    holder.stdin.end();
    await once(holder, 'exit');
    expect(await sweep()).toEqual([]);
  });
});

describe('a test that fails', () => {
  let runner = 0;
  it('has a runner', async () => {
    const job = await startJob('setsid sleep 300 & echo $$ > "$SEEN/pid"; sleep 300', grantClaim);
    const file = join(job.seen, 'pid');
    await until(() => existsSync(file) && readFileSync(file, 'utf8') !== '');
    runner = Number(readFileSync(file, 'utf8'));
    expect(isAlive(runner)).toBe(true);
  });
  it('and leaves none', () => expect(isAlive(runner)).toBe(false));
});

const bootAndNamespace = (): string =>
  `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;

/** A zombie is not. */
const isAlive = (pid: number): boolean =>
  existsSync(`/proc/${pid}/stat`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

/** What the children of a process are called. */
function childrenOf(pid: number): string[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return children.filter(Boolean).map((child) => {
    const name = `/proc/${child}/comm`;
    return existsSync(name) ? readFileSync(name, 'utf8').trim() : '';
  });
}
