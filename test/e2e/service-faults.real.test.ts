/** What the service itself needs fails while work is under way: room on the database's disk, and a token that is valid. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listSlurmJobs } from '../support/list-slurm-jobs.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { type SmallDisk, startSmallDisk } from '../support/start-small-disk.ts';
import { small, startWorld, type World } from '../support/start-world.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { conclusions, startWorkload, type Workload } from '../support/workload.ts';

describe.skipIf(realSlurmMissing !== null)('what the service needs', () => {
  let disk: SmallDisk;
  let world: World;
  let service: ServiceProcess;

  beforeAll(async () => {
    // Room for a thousand pages of WAL, after which it begins anew, and the database.
    disk = await startSmallDisk(8_192);
    world = await startWorld({
      name: 'service-faults',
      enter: disk.enter,
      cluster: { cpus: 4, slurmConf: ['PartitionName=late Nodes=ALL MaxTime=1:00:00 State=DOWN'] },
      simulator: { rateLimit: 1_000_000 },
      config: {
        databaseFile: join(disk.path, 'gha-slurm.sqlite'),
        surplusGrace: '1s',
        idleTimeout: '2s',
        profiles: { 'slurm-small': small, 'slurm-late': { ...small, partition: 'late' } },
      },
    });
    service = world.start();
    await until(async () => (await world.readiness())?.ready === true);
  });
  afterAll(async () => {
    const code = await service.kill('SIGTERM');
    await world.stop();
    await disk.stop();
    expect(code).toBe(0);
  });

  const setLate = (state: 'UP' | 'DOWN') =>
    world.cluster.exec(['scontrol', 'update', 'PartitionName=late', `State=${state}`]);
  const slurmJobs = async () => (await listSlurmJobs(world.cluster)).length;
  const acknowledged = async (work: Workload) =>
    (await work.allocations()).filter(({ slurmJobId }) => slurmJobId !== null).length;
  const said = (message: string) => world.log().filter(({ msg }) => msg === message);

  it('the disk of the database is full: no submit without an intent, and nothing is lost; with room it goes on', async () => {
    const work = await startWorkload(world);
    const running = work.queue(3, 'slurm-small', 'sleep 3');
    const waiting = work.queue(2, 'slurm-late', 'sleep 0.2');
    await until(() => running.every((job) => job.status === 'in_progress'));
    await until(async () => (await acknowledged(work)) === 5);
    const before = await slurmJobs();
    disk.fill();
    const queued = work.queue(3, 'slurm-small', 'sleep 0.2');
    await setLate('UP');
    await until(async () => (await world.readiness())?.database != null);
    expect((await world.readiness())?.database?.message).toMatch(
      /^The database .*gha-slurm\.sqlite can't be written \(database or disk is full\): make room on its disk\./,
    );
    // What runs goes on, and what starts meanwhile asks for its runner in vain, until there is room.
    await until(() => running.every((job) => job.conclusion === 'success'));
    expect(await slurmJobs()).toBe(before);
    expect(queued.map(({ status }) => status)).toEqual(['queued', 'queued', 'queued']);
    expect(waiting.map(({ status }) => status)).toEqual(['queued', 'queued']);
    disk.free();
    expect(await work.finish()).toEqual([]);
    await setLate('DOWN');
    expect(conclusions([...running, ...waiting, ...queued])).toEqual(Array(8).fill('success'));
    expect((await work.allocations()).map(({ outcome }) => outcome)).toEqual(Array(8).fill('completed'));
    expect(said('the database can not be written')).toHaveLength(1);
    expect(said('the database can be written again')).not.toEqual([]);
  });

  it('killed with a submit in doubt, and its disk is full: it ends with a sentence, and goes on when there is room', async () => {
    const work = await startWorkload(world);
    const running = work.queue(1, 'slurm-small', 'sleep 3');
    const waiting = work.queue(1, 'slurm-late', 'sleep 0.2');
    await until(() => running.every((job) => job.status === 'in_progress'));
    await until(async () => (await acknowledged(work)) === 2);
    // It does not answer, and takes what was sent when it goes on: after the one who sent it has died.
    await world.cluster.signal('slurmrestd', 'STOP');
    const queued = work.queue(2, 'slurm-small', 'sleep 0.2');
    await until(
      async () => (await work.allocations()).filter(({ state }) => state === 'submitting').length === 2,
    );
    await service.kill('SIGKILL');
    disk.fill();
    const started = world.start();
    expect(await started.ended).toBe(1);
    expect(readFileSync(world.logFile, 'utf8')).toMatch(
      /\ngha-slurm: The database .*gha-slurm\.sqlite can't be written \(database or disk is full\): make room on its disk\. Then start again\.\n/,
    );
    await world.cluster.signal('slurmrestd', 'CONT');
    disk.free();
    service = world.start();
    await setLate('UP');
    expect(await work.finish()).toEqual([]);
    await setLate('DOWN');
    expect(conclusions([...running, ...waiting, ...queued])).toEqual(Array(4).fill('success'));
    const outcomes = (await work.allocations()).map(({ outcome }) => outcome).toSorted();
    expect(outcomes).toEqual([...Array(4).fill('completed'), 'submit-lost', 'submit-lost']);
  });

  it('the Slurm token expires and is renewed: what runs and starts meanwhile is served, the rest when it is valid', async () => {
    const good = readFileSync(world.cluster.tokenFile, 'utf8');
    const work = await startWorkload(world);
    const running = work.queue(4, 'slurm-small', 'sleep 6');
    await until(() => running.every((job) => job.status === 'in_progress'));
    writeFileSync(world.cluster.tokenFile, world.cluster.mintToken({ lifeSeconds: 3 }));
    const pending = work.queue(2, 'slurm-small', 'sleep 0.2');
    const released = work.queue(1, 'slurm-late');
    await until(async () => (await acknowledged(work)) === 7);
    await until(async () =>
      /refuses the token.*slurm\.token/.test((await world.readiness())?.slurm?.message ?? ''),
    );
    const before = await slurmJobs();
    const queued = work.queue(2, 'slurm-small', 'sleep 0.2');
    for (const { id } of released) world.github.control.cancelJob(id);
    // The claim API needs no token: these start while it is refused.
    await until(() => [...running, ...pending].every((job) => job.conclusion === 'success'));
    await until(async () => (await work.allocations('slurm-late'))[0]?.state === 'releasing');
    expect(await slurmJobs()).toBe(before);
    expect(queued.map(({ status }) => status)).toEqual(['queued', 'queued']);
    writeFileSync(world.cluster.tokenFile, good);
    expect(await work.finish()).toEqual([]);
    expect(conclusions([...running, ...pending, ...queued])).toEqual(Array(8).fill('success'));
    const outcomes = (await work.allocations()).map(({ outcome }) => outcome).toSorted();
    expect(outcomes).toEqual([...Array(8).fill('completed'), 'surplus']);
  });
});
