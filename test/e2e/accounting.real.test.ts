/** What a job used, and how one ended whose end nobody saw, as the user gets to see it. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { releases } from '../../slurm/cluster/root-file-system.ts';
import { repository, small, startWorld } from '../support/start-world.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';

/** About 200 MB for some seconds: the shell keeps what it has read. */
const hungry = 'x=$(head -c 200000000 /dev/zero | tr "\\0" x); sleep 4';

describe.skipIf(realSlurmMissing !== null).each(releases)('Slurm %s with accounting', (release) => {
  it('tells the peak memory of a job, and the end of one that slurmctld had forgotten', async () => {
    const world = await startWorld({
      name: `accounting-${release.replace('.', '')}`,
      cluster: { release, accounting: true, slurmConf: ['MinJobAge=2'] },
      simulator: { rateLimit: 1_000_000 },
      config: { profiles: { 'slurm-small': { ...small, memory: '1GiB' } } },
    });
    onTestFinished(() => world.stop());
    const queue = (name: string, commands: string) =>
      world.github.control.createRun(repository, 'build', [
        { name, labels: ['self-hosted', 'slurm-small'], commands },
      ]);
    const allocations = async () => (await world.state())?.allocations ?? [];

    let service = world.start();
    queue('hungry', hungry);
    await until(async () => (await allocations())[0]?.peakMemoryMiB !== undefined, 90_000);
    const [first] = await allocations();
    expect(first).toMatchObject({ outcome: 'completed', exitCode: 0 });
    expect(first?.peakMemoryMiB).toBeGreaterThan(185);
    expect(first?.peakMemoryMiB).toBeLessThan(450);
    const [job] = world.github.control.jobs();
    expect(await world.run('explain', String(job?.id))).toContain(
      `accounting of allocation ${first?.id}: ${first?.peakMemoryMiB} MiB of memory at its peak.`,
    );

    // It ends while the service is down, and slurmctld has forgotten it when that is back.
    queue('unseen', 'sleep 3');
    await until(async () => (await allocations())[0]?.state === 'busy', 60_000);
    const id = (await allocations())[0]?.slurmJobId;
    await service.kill('SIGKILL');
    const known = async () => (await world.cluster.exec(['scontrol', 'show', 'job', String(id)])).code === 0;
    await until(async () => !(await known()), 120_000, 500);
    service = world.start();
    const second = async () => (await allocations()).find(({ slurmJobId }) => slurmJobId === id);
    await until(async () => (await second())?.outcome === 'completed', 90_000);
    expect(await second()).toMatchObject({
      node: 'node',
      exitCode: 0,
      reason: `Slurm job ${id} is COMPLETED: its batch script ended by itself. Only accounting knew.`,
    });
    expect(await service.kill('SIGTERM')).toBe(0);
  });
});
