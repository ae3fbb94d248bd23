import { existsSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findCluster } from '../../slurm/cluster/find-cluster.ts';
import { releases } from '../../slurm/cluster/root-file-system.ts';
import { runCommand } from '../../slurm/cluster/run-command.ts';
import { startCluster } from '../../slurm/cluster/start-cluster.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';

const name = (suffix: string): string => `cluster-${process.pid}-${suffix}`;

const processesOf = async (directory: string): Promise<string> =>
  (await runCommand('sh', ['-c', `grep -ls '${directory}' /proc/[0-9]*/mountinfo || true`])).stdout;

describe.skipIf(realSlurmMissing !== null)('a development cluster', () => {
  it('two at once, on ports of their own; stopped, they leave no process, no mount and no folder', async () => {
    const clusters = await Promise.all(
      ['a', 'b'].map((suffix) => startCluster({ name: name(suffix), tieToParent: true })),
    );
    onTestFinished(async () => {
      for (const cluster of clusters) await cluster.stop();
    });
    const [a, b] = clusters;
    if (a === undefined || b === undefined) throw new Error('two were to be started');
    expect(a.url).not.toBe(b.url);
    expect(statSync(a.tokenFile).mode & 0o777).toBe(0o600);
    expect(statSync(a.keyFile).mode & 0o777).toBe(0o600);

    // Of one alone: the other goes on.
    await a.stop();
    expect(existsSync(a.directory)).toBe(false);
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(a.directory);
    expect(await processesOf(a.directory)).toBe('');
    expect((await b.exec(['sinfo', '--noheader', '--format=%T'])).stdout).toContain('idle');
    // Stopping what is stopped is no error.
    await a.stop();
  });

  it('runs jobs as an ordinary user, at once, and starts a killed daemon again', async () => {
    const cluster = await startCluster({ name: name('jobs'), tieToParent: true });
    onTestFinished(() => cluster.stop());
    const wrap = (command: string) =>
      cluster.exec(['sbatch', '--wait', '--output=/tmp/out', '--chdir=/tmp', `--wrap=${command}`], {
        user: cluster.user,
      });
    expect((await wrap('id -un; id -u')).code).toBe(0);
    expect((await cluster.exec(['cat', '/tmp/out'])).stdout).toBe('gha\n1000\n');

    const ping = async () => (await cluster.exec(['scontrol', 'ping'])).stdout;
    expect(await ping()).toContain('is UP');
    await cluster.stopDaemon('slurmctld');
    await until(async () => (await ping()).includes('is DOWN'));
    cluster.startDaemon('slurmctld');
    await until(async () => (await ping()).includes('is UP'));
  });

  it.each(releases)(
    'with accounting, of Slurm %s: it knows the user, and its database goes with it',
    async (release) => {
      const cluster = await startCluster({
        name: name('accounting'),
        release,
        accounting: true,
        tieToParent: true,
      });
      onTestFinished(() => cluster.stop());
      const users = ['sacctmgr', '--noheader', '--parsable2', 'show', 'association', 'format=user,account'];
      expect((await cluster.exec(users)).stdout.split('\n')).toContain('gha|ci');
      expect((await cluster.exec(['pgrep', '-x', 'mariadbd'])).code).toBe(0);
      await cluster.stop();
      expect(existsSync(cluster.directory)).toBe(false);
      expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(cluster.directory);
      expect(await processesOf(cluster.directory)).toBe('');
    },
  );

  it('refuses a name that is taken', async () => {
    const cluster = await startCluster({ name: name('taken'), tieToParent: true });
    onTestFinished(() => cluster.stop());
    await expect(startCluster({ name: name('taken') })).rejects.toThrow(/is running: take it down first/);
  });

  it('ends with the process that it is tied to, however that ends', async () => {
    const program = `
      import { startCluster } from ${JSON.stringify(new URL('../../slurm/cluster/start-cluster.ts', import.meta.url).href)};
      const cluster = await startCluster({ name: ${JSON.stringify(name('tied'))}, tieToParent: true });
      console.log(cluster.directory);
      process.kill(process.pid, 'SIGKILL');`;
    const { stdout } = await runCommand(process.execPath, ['--input-type=module', '-e', program]);
    const directory = stdout.trim();
    expect(directory).toContain(name('tied'));
    await until(async () => (await processesOf(directory)) === '');
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(directory);
    await findCluster(name('tied'))?.stop();
    expect(existsSync(directory)).toBe(false);
  });
});
