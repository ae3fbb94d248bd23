/** `npm run slurm:up` as a container runs it: in the foreground, reachable from elsewhere, its token handed over. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { directoryOf, readState } from '../../slurm/cluster/cluster-state.ts';
import { runCommand } from '../../slurm/cluster/run-command.ts';
import { freePort } from '../support/free-port.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';

const program = join(import.meta.dirname, '../../slurm/cluster/up.ts');
const name = (suffix: string): string => `up-${process.pid}-${suffix}`;

function up(...args: string[]) {
  const child = spawn(process.execPath, [program, '--foreground', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => lines.push(line));
  }
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once('close', (code, signal) => resolve(code ?? signal)),
  );
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  return { child, lines, ended, ready: () => until(() => lines.join().includes('is ready after')) };
}

async function expectNothingLeft(cluster: string): Promise<void> {
  const directory = directoryOf(cluster);
  expect(existsSync(directory)).toBe(false);
  expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(directory);
  const users = await runCommand('sh', ['-c', `grep -ls '${directory}' /proc/[0-9]*/mountinfo || true`]);
  expect(users.stdout).toBe('');
}

describe.skipIf(realSlurmMissing !== null)('slurm:up --foreground', () => {
  it('listens where it is told to, hands the token to one user, and SIGTERM takes everything down', async () => {
    const port = await freePort();
    const token = join(temporaryFolder(), 'token');
    // Of an earlier cluster: nobody may take it for the new one's.
    writeFileSync(token, 'stale');
    const args = ['--name', name('a'), '--listen', `0.0.0.0:${port}`, '--token-file', `${token}:10001`];
    const { child, lines, ready, ended } = up(...args);
    await until(() => !existsSync(token));
    await ready();
    await until(() => existsSync(token));
    const { mode, uid, gid } = statSync(token);
    expect([mode & 0o777, uid, gid]).toEqual([0o400, 10_001, 10_001]);
    // Another address of this machine than the one that it would listen on by itself.
    const answer = await fetch(`http://127.0.0.2:${port}/slurm/v0.0.42/nodes/`, {
      headers: { 'X-SLURM-USER-TOKEN': readFileSync(token, 'utf8').trim() },
    });
    expect(answer.status).toBe(200);

    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(lines.at(-1)).toBe(`the cluster ${name('a')} is down (SIGTERM)`);
    expect(existsSync(token)).toBe(false);
    await expectNothingLeft(name('a'));
  });

  it('fails when the cluster ends by itself, and leaves nothing then either', async () => {
    const { lines, ready, ended } = up('--name', name('b'));
    await ready();
    process.kill(readState(name('b'))?.supervisorPid ?? 0, 'SIGKILL');
    expect(await ended).toBe(1);
    expect(lines.at(-1)).toMatch(/has ended by itself: .*start it again/);
    await expectNothingLeft(name('b'));
  });

  it('takes the cluster down again when it can not hand the token over', async () => {
    const { lines, ended } = up('--name', name('c'), '--token-file', '/nonexistent/token');
    expect(await ended).toBe(1);
    expect(lines.at(-1)).toMatch(
      /^The token can't be written to \/nonexistent\/token \(ENOENT\): give --token-file/,
    );
    await expectNothingLeft(name('c'));
  });

  it.each([
    ['--listen', 'nowhere:port'],
    ['--listen', '127.0.0.1:70000'],
    ['--bind', 'relative:/x'],
    ['--release', '1.0'],
    ['--name', '../x'],
  ])('says how it is used, for %s %s', async (...args) => {
    const { lines, ended } = up(...args);
    expect(await ended).toBe(64);
    expect(lines[0]).toMatch(/^usage: npm run slurm:up/);
  });
});

describe.skipIf(realSlurmMissing !== null)('slurm:up, and slurm:down', () => {
  const down = join(import.meta.dirname, '../../slurm/cluster/down.ts');
  const run = (file: string, ...args: string[]) => runCommand(process.execPath, [file, ...args]);

  it.for([
    ['24.11', 'v0.0.42'],
    ['26.05', 'v0.0.45'],
  ] as const)(
    '%s goes on when it has ended, is used by what it printed, and leaves nothing when it is taken down',
    async ([release, version]) => {
      const cluster = name(`d-${release.replace('.', '-')}`);
      onTestFinished(async () => void (await run(down, '--name', cluster)));
      const { code, stdout, stderr } = await run(program, '--name', cluster, '--release', release);
      expect(code, stderr).toBe(0);
      const said = new Map(
        [...stdout.matchAll(/^ {2}(\w+) +(\S+)$/gm)].map(([, what = '', value = '']) => [what, value]),
      );
      expect(said.get('user')).toBe('gha');
      expect(readFileSync(said.get('key') ?? '').length).toBeGreaterThanOrEqual(32);
      const answer = await fetch(`${said.get('slurmrestd')}/slurm/${version}/nodes/`, {
        headers: { 'X-SLURM-USER-TOKEN': readFileSync(said.get('token') ?? '', 'utf8').trim() },
      });
      expect(answer.status).toBe(200);

      expect(await run(down, '--name', cluster)).toMatchObject({
        code: 0,
        stdout: `the cluster ${cluster} is down\n`,
      });
      await expectNothingLeft(cluster);
      const again = await run(down, '--name', cluster);
      expect(again.code).toBe(1);
      expect(again.stderr).toContain(`There is no cluster named ${cluster}`);
    },
  );
});
