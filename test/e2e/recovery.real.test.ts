/** Bad input and bad days, on real Slurm: a clear message each, nothing lost, and recovery without a restart. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { leftBehind } from '../support/left-behind.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { repository, small, startWorld, type World } from '../support/start-world.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { type HeldJobs, startWorkload } from '../support/workload.ts';

describe.skipIf(realSlurmMissing !== null)('bad days', () => {
  let world: World;
  let service: ServiceProcess;

  beforeAll(async () => {
    world = await startWorld({
      name: 'recovery',
      cluster: { cpus: 4 },
      // Polls of a second would use up the limit of an hour, and the service would stretch them.
      simulator: { rateLimit: 1_000_000 },
      config: {
        idleTimeout: '2s',
        timeLimitWarning: '55s',
        profiles: {
          'slurm-small': small,
          'slurm-all': { ...small, cpus: 4 },
          'slurm-short': { ...small, timeLimit: '1m' },
          'slurm-typo': { ...small, partition: 'no-such-partition' },
          'slurm-hopeless': { ...small, timeLimit: '30d' },
        },
      },
    });
    service = world.start();
    await until(async () => (await world.readiness())?.ready === true);
  });
  afterEach(async () => {
    for (const job of world.github.control.jobs()) world.github.control.cancelJob(job.id);
    await until(async () => (await leftBehind(world)).length === 0, 90_000, 200).catch(() => undefined);
    expect(await leftBehind(world)).toEqual([]);
  });
  afterAll(async () => {
    const code = await service.kill('SIGTERM');
    await world.stop();
    expect(code).toBe(0);
  });

  const run = (name: string, label: string, commands = 'true') => {
    const { control } = world.github;
    control.createRun(repository, name, [{ name, labels: ['self-hosted', label], commands }]);
    const job = control.jobs().find((candidate) => candidate.name === name);
    if (job === undefined) throw new Error('no job was made');
    return job;
  };
  const stateOf = async (jobId: number) => (await world.state())?.jobs.find((job) => job.id === jobId);
  const allocationOf = async (jobId: number) => {
    const state = await world.state();
    const id = state?.jobs.find((job) => job.id === jobId)?.allocationId;
    return state?.allocations.find((allocation) => allocation.id === id);
  };

  /** The job that was at work all the time: on its first and only allocation. */
  const goesOnAndEnds = async ({ jobs, stillRun, open }: HeldJobs) => {
    expect(stillRun()).toBe(true);
    await open();
    await until(() => jobs.every(({ conclusion }) => conclusion === 'success'));
    const starts = world.github.control.events().filter(({ kind }) => kind === 'job started');
    for (const { id } of jobs) expect(starts.filter(({ jobId }) => jobId === id)).toHaveLength(1);
  };

  it('slurmrestd down: says so, submits nothing twice, goes on when it is back', async () => {
    const running = await (await startWorkload(world)).hold(1);
    await world.cluster.stopDaemon('slurmrestd');
    await until(async () => (await world.readiness())?.slurm !== null);
    expect((await world.readiness())?.slurm?.message).toMatch(/slurmrestd at .* can not be reached/);
    const job = run('while-slurmrestd-is-down', 'slurm-small');
    await until(async () => (await stateOf(job.id)) !== undefined);
    expect((await world.state())?.pools[0]?.blocked).toMatch(/slurm.url/);
    world.cluster.startDaemon('slurmrestd');
    await until(() => job.conclusion === 'success', 60_000);
    await goesOnAndEnds(running);
    await until(async () => (await leftBehind(world)).length === 0);
    expect((await world.state())?.allocations.map(({ outcome }) => outcome)).toEqual([
      'completed',
      'completed',
    ]);
  });

  it('a Slurm token that is refused (511, 1007): says so, goes on when the file has a good one', async () => {
    const running = await (await startWorkload(world)).hold(1);
    const good = readFileSync(world.cluster.tokenFile, 'utf8');
    writeFileSync(world.cluster.tokenFile, world.cluster.mintToken({ lifeSeconds: -5 }));
    await until(async () =>
      /refuses the token.*slurm\.token/.test((await world.readiness())?.slurm?.message ?? ''),
    );
    const job = run('while-the-token-is-bad', 'slurm-small');
    await until(async () => (await stateOf(job.id)) !== undefined);
    writeFileSync(world.cluster.tokenFile, good);
    await until(() => job.conclusion === 'success', 60_000);
    await goesOnAndEnds(running);
  });

  it('GitHub refuses the token (401) or is down: says so, keeps what it knew, goes on', async () => {
    const { control } = world.github;
    const running = await (await startWorkload(world)).hold(1);
    control.fault({ kind: 'status', status: 401, message: 'Bad credentials', times: 6 });
    await until(
      async () =>
        (await world.readiness())?.repositories[0]?.failure?.message.includes('github.auth.token') ?? false,
    );
    control.fault({ kind: 'status', status: 502, times: 8 });
    await until(
      async () =>
        (await world.readiness())?.repositories[0]?.failure?.message.includes('status 502') ?? false,
    );
    const job = run('after-github-was-down', 'slurm-small');
    await until(() => job.conclusion === 'success', 60_000);
    await goesOnAndEnds(running);
  });

  it('a partition that Slurm refuses: the pool is blocked with the reason, after three tries', async () => {
    const before = (await world.state())?.allocations.length ?? 0;
    const job = run('typo', 'slurm-typo');
    await until(async () =>
      ((await world.state())?.pools ?? []).some((pool) => pool.blocked?.includes('partition') ?? false),
    );
    const made = ((await world.state())?.allocations.length ?? 0) - before;
    expect(made).toBe(3);
    expect(job.status).toBe('queued');
  });

  it('a time limit that no partition allows: released, and blocked with the reason', async () => {
    run('hopeless', 'slurm-hopeless');
    await until(
      async () =>
        ((await world.state())?.pools ?? []).some(
          (pool) => pool.blocked?.includes('PartitionTimeLimit') ?? false,
        ),
      60_000,
    );
  });

  it('unknown labels and two sizes are rejected with the reason; a run without jobs is nothing', async () => {
    const { control } = world.github;
    control.createRun(repository, 'zombie', []);
    control.createRun(repository, 'odd', [
      { name: 'unknown-label', labels: ['slurm-small', 'windows'] },
      { name: 'two-sizes', labels: ['slurm-small', 'slurm-all'] },
      { name: 'foreign', labels: ['ubuntu-latest'] },
    ]);
    const reasonOf = async (name: string) =>
      (await stateOf(control.jobs().find((job) => job.name === name)?.id ?? 0))?.reason ?? '';
    await until(async () => (await reasonOf('unknown-label')).includes('windows'));
    expect(await reasonOf('two-sizes')).toContain('2 size labels');
    expect(await stateOf(control.jobs().find((job) => job.name === 'foreign')?.id ?? 0)).toBeUndefined();
    expect((await world.state())?.pools).toEqual([]);
  });

  it('a job cancelled while its allocation waits in Slurm frees it within a poll and the grace', async () => {
    const holder = run('holder', 'slurm-all', 'sleep 60');
    await until(() => holder.status === 'in_progress');
    const waiting = run('waiting', 'slurm-all');
    await until(async () => (await allocationOf(waiting.id))?.state === 'pending');
    const slurmJobId = (await allocationOf(waiting.id))?.slurmJobId;
    world.github.control.cancelJob(waiting.id);
    const begunMs = performance.now();
    await until(async () => {
      const { stdout } = await world.cluster.exec(['squeue', '--noheader', '--states=all', '--format=%i %T']);
      return stdout.includes(`${slurmJobId} CANCELLED`);
    });
    // A poll of a second, the grace of three, and the effects.
    expect(performance.now() - begunMs).toBeLessThan(10_000);
    expect(holder.status).toBe('in_progress');
  });

  it('a runner whose job was taken by another asks whether to stop, and is deregistered before it does', async () => {
    const { control } = world.github;
    const holder = run('holder-2', 'slurm-all', 'sleep 4');
    await until(() => holder.status === 'in_progress');
    const stolen = run('stolen', 'slurm-all');
    await until(async () => (await allocationOf(stolen.id))?.state === 'pending');
    const thief = control.addForeignRunner(repository, 'thief', ['self-hosted', 'slurm-all']);
    // Between the registration of ours and its coming online, which takes a process its time.
    await until(
      () => control.runners().some((runner) => runner.name.startsWith('gha-') && runner.jobId === null),
      20_000,
      1,
    );
    expect(control.takeJob(thief.id)?.id).toBe(stolen.id);
    const mark = control.events().length;
    await until(
      () =>
        control
          .events()
          .slice(mark)
          .some((event) => event.detail === 'deleted'),
      30_000,
    );
    expect(
      control
        .events()
        .slice(mark)
        .map((event) => event.kind),
    ).toContain('runner online');
    control.completeJob(stolen.id, 'success');
  });

  it('the warning before the time limit reaches the runner, which fails its job at GitHub in time', async () => {
    const job = run('too-long', 'slurm-short', 'sleep 300');
    await until(() => job.status === 'in_progress');
    await until(() => job.status === 'completed', 90_000, 200);
    expect(job.conclusion).toBe('failure');
    const gone = world.github.control.events().some((event) => event.kind === 'runner lost');
    expect(gone).toBe(false);
  });
});
