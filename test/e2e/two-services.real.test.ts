/** Two services on one cluster, as one Slurm user, and on one repository: each ends, restores and repairs its own, and no more. */
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StateView } from '../../src/controller/describe-state.ts';
import { readStore } from '../../src/store/read-store.ts';
import { leftBehind } from '../support/left-behind.ts';
import { listSlurmJobs } from '../support/list-slurm-jobs.ts';
import { readLog, runCommand, type ServiceProcess, startService } from '../support/service-process.ts';
import { repository, small, startWorld, type World } from '../support/start-world.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { type WrittenConfig, writeConfig } from '../support/write-config.ts';

const stray = 'a registration of ours that no row knows';

function instanceOf({ databaseFile }: WrittenConfig): string {
  const { db, close } = readStore(databaseFile);
  try {
    return db.all<{ id: string }>('select id from instance')[0]?.id ?? '';
  } finally {
    close();
  }
}

describe.skipIf(realSlurmMissing !== null)('two services', () => {
  let world: World;
  let other: WrittenConfig;
  let otherLog: string;
  let otherService: ServiceProcess;

  beforeAll(async () => {
    world = await startWorld({
      name: 'two-services',
      cluster: { cpus: 4 },
      config: { profiles: { 'slurm-one': small }, surplusGrace: '1s' },
    });
    const directory = join(world.directory, 'other');
    mkdirSync(directory);
    other = await writeConfig(directory, {
      apiUrl: world.github.url,
      repositories: [repository],
      slurmUrl: world.cluster.url,
      slurmUser: world.cluster.user,
      slurmTokenFile: world.cluster.tokenFile,
      profiles: { 'slurm-two': small },
      surplusGrace: '1s',
    });
    otherLog = join(directory, 'service.log');
    const service = { configFile: other.file, env: { GITHUB_TOKEN: world.github.token }, logFile: otherLog };
    await runCommand(service, 'migrate');
    otherService = startService(service);
  });
  afterAll(async () => {
    await otherService.kill('SIGKILL');
    await world.stop();
  });

  it('one is killed, restored from a backup, repaired and started again: nothing of the other is touched', async () => {
    const { control } = world.github;
    const gate = '/tmp/open-for-two-services';
    const queue = (name: string, count: number, label: string): void =>
      void control.createRun(
        repository,
        name,
        Array.from({ length: count }, (_, index) => ({
          name: `${name}-${index}`,
          labels: ['self-hosted', label],
          commands: `while [ ! -e ${gate} ]; do sleep 0.1; done`,
        })),
      );
    const jobsOf = (name: string) => control.jobs().filter((job) => job.name.startsWith(name));
    const atWork = (name: string) => jobsOf(name).filter(({ status }) => status === 'in_progress').length;
    const otherState = async (): Promise<StateView> =>
      (await (await fetch(`${other.adminUrl}/api/state`)).json()) as StateView;
    const ofOther = async () => {
      const prefix = `gha-${instanceOf(other)}-`;
      return {
        slurm: (await listSlurmJobs(world.cluster)).filter(({ name }) => name.startsWith(prefix)),
        runners: control.runners().flatMap(({ name }) => (name.startsWith(prefix) ? [name] : [])),
        rows: (await otherState()).allocations.map(({ id, state }) => `${id} ${state}`).toSorted(),
      };
    };

    let service = world.start();
    await until(async () => (await world.readiness())?.ready === true);
    const backup = join(world.directory, 'backup.sqlite');
    await world.run('backup', backup);
    // Two of each at work, and one of each waits in Slurm: of those of the first, the backup knows nothing.
    queue('one', 2, 'slurm-one');
    queue('two', 2, 'slurm-two');
    await until(() => atWork('one') === 2 && atWork('two') === 2);
    queue('one-waits', 1, 'slurm-one');
    queue('two-waits', 1, 'slurm-two');
    const waits = ({ allocations }: StateView) => allocations.some(({ state }) => state === 'pending');
    await until(async () => {
      const state = await world.state();
      return state !== null && waits(state) && waits(await otherState());
    });
    expect(instanceOf(world.config)).not.toBe(instanceOf(other));

    const before = await ofOther();
    expect(before).toMatchObject({ slurm: { length: 3 }, runners: { length: 2 }, rows: { length: 3 } });
    await service.kill('SIGKILL');
    for (const suffix of ['', '-wal', '-shm']) rmSync(world.config.databaseFile + suffix, { force: true });
    copyFileSync(backup, world.config.databaseFile);
    const told = (await world.run('repair')).split('\n');
    expect(told.at(-1)).toBe('3 found, 0 left to do');
    expect(told.join('\n')).not.toContain(instanceOf(other));
    expect(await ofOther()).toEqual(before);
    service = world.start();
    // The first one looks at every registration when it starts, and makes a Slurm job for the one that was cancelled.
    await until(async () => {
      const state = await world.state();
      return state !== null && waits(state);
    });
    expect(await ofOther()).toEqual(before);

    await world.cluster.exec(['touch', gate]);
    await until(() => control.jobs().every(({ status }) => status === 'completed'), 60_000);
    await until(async () => (await leftBehind(world)).length === 0, 60_000, 250).catch(() => undefined);
    expect(await leftBehind(world)).toEqual([]);
    expect((await otherState()).allocations.map(({ outcome }) => outcome)).toEqual(
      Array(3).fill('completed'),
    );
    for (const job of control.jobs()) {
      const { config } = { config: job.name.startsWith('one') ? world.config : other };
      expect(job, job.name).toMatchObject({
        conclusion: 'success',
        runnerName: expect.stringContaining(`gha-${instanceOf(config)}-`),
      });
    }
    expect(new Set(control.jobs().map(({ runnerName }) => runnerName)).size).toBe(6);
    const cancelled = (await listSlurmJobs(world.cluster)).filter(({ state }) => state === 'CANCELLED');
    expect(cancelled.map(({ name }) => name.split('-')[1])).toEqual([instanceOf(world.config)]);
    for (const log of [world.log(), readLog(otherLog)])
      expect(log.filter(({ msg }) => msg === stray)).toEqual([]);
    expect(await service.kill('SIGTERM')).toBe(0);
    expect(await otherService.kill('SIGTERM')).toBe(0);
  });
});
