/** The day on which the database was lost: a backup of before, put right by `gha-slurm repair`, on real Slurm. */
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leftBehind } from '../support/left-behind.ts';
import { repository, startWorld, type World } from '../support/start-world.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';

describe.skipIf(realSlurmMissing !== null)('a restore', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ name: 'restore', cluster: { cpus: 3 } });
  });
  afterAll(() => world.stop());

  it('leaves what works, ends what nothing knows of, and goes on: every job gets done', async () => {
    const { control } = world.github;
    const queue = (name: string, count: number, commands: string): void =>
      void control.createRun(
        repository,
        name,
        Array.from({ length: count }, (_, index) => ({
          name: `${name}-${index}`,
          labels: ['self-hosted', 'slurm-small'],
          commands,
        })),
      );
    const jobsOf = (name: string) => control.jobs().filter((job) => job.name.startsWith(name));

    queue('known', 1, 'sleep 12');
    const first = world.start();
    await until(() => jobsOf('known').every((job) => job.status === 'in_progress'));
    const backup = join(world.directory, 'backup.sqlite');
    expect(await world.run('backup', backup)).toContain('is a backup of');
    // Of these the backup knows nothing: two will be at work, two wait in Slurm.
    queue('unknown', 4, 'sleep 6');
    await until(() => jobsOf('unknown').filter((job) => job.status === 'in_progress').length === 2);
    await until(
      async () => (await world.state())?.allocations.filter(({ state }) => state === 'pending').length === 2,
    );
    await first.kill('SIGKILL');
    for (const suffix of ['', '-wal', '-shm']) rmSync(world.config.databaseFile + suffix, { force: true });
    copyFileSync(backup, world.config.databaseFile);

    const told = (await world.run('repair', '--dry-run')).split('\n');
    expect(told.at(-1)).toBe('4 found, 2 left to do');
    const done = (await world.run('repair')).split('\n');
    expect(
      done.filter((line) => / is RUNNING, .*: left: its runner \S+ works on a job$/.test(line)),
    ).toHaveLength(2);
    expect(done.filter((line) => / is PENDING, .*: cancelled it: it does not run$/.test(line))).toHaveLength(
      2,
    );
    expect(done.at(-1)).toBe('4 found, 0 left to do');

    const second = world.start();
    await until(() => control.jobs().every((job) => job.status === 'completed'), 60_000);
    await until(async () => (await leftBehind(world)).length === 0, 60_000, 250).catch(() => undefined);
    expect(await leftBehind(world)).toEqual([]);
    expect(control.jobs().map(({ conclusion }) => conclusion)).toEqual(Array(5).fill('success'));
    // What was at work has done its job: no other runner was made for it.
    expect(new Set(control.jobs().map(({ runnerName }) => runnerName)).size).toBe(5);
    expect(world.log().some(({ msg }) => String(msg).startsWith('this database is a backup'))).toBe(false);
    expect(await second.kill('SIGTERM')).toBe(0);
  });
});
