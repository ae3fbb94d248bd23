/** What an administrator, a node and the time limit do to Slurm jobs behind the service's back, while work is under way. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { SimulatedJob } from '../simulator/simulator-state.ts';
import { type BreakableProlog, breakableProlog } from '../support/breakable-prolog.ts';
import { listSlurmJobs } from '../support/list-slurm-jobs.ts';
import { runnerBind } from '../support/runner-folder.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { small, startWorld, type World } from '../support/start-world.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { conclusions, startWorkload, type Workload } from '../support/workload.ts';
import { prologFails } from './prolog-fails.ts';

describe.skipIf(realSlurmMissing !== null)('Slurm jobs that others end', () => {
  let world: World;
  let service: ServiceProcess;
  let prolog: BreakableProlog;

  beforeAll(async () => {
    prolog = breakableProlog();
    world = await startWorld({
      name: 'job-faults',
      cluster: {
        cpus: 8,
        binds: [runnerBind, prolog.bind],
        slurmConf: [
          ...prolog.slurmConf,
          // A node that was set down stays down until it is resumed.
          'ReturnToService=1',
          // What is submitted to `late` waits until it is opened.
          'PartitionName=late Nodes=ALL MaxTime=1:00:00 State=DOWN',
        ],
      },
      // GitHub takes ten minutes to give up a runner that is silent.
      simulator: { rateLimit: 1_000_000, lostAfterMs: 6_000 },
      config: {
        surplusGrace: '1s',
        idleTimeout: '2s',
        output: '/tmp/slurm-%j.log',
        timeLimitWarning: '55s',
        profiles: {
          'slurm-small': small,
          'slurm-all': { ...small, cpus: 8 },
          'slurm-late': { ...small, partition: 'late' },
          'slurm-cancel': small,
          'slurm-requeue': small,
          'slurm-short': { ...small, timeLimit: '1m' },
        },
      },
    });
    service = world.start();
    await until(async () => (await world.readiness())?.ready === true);
  });
  afterAll(async () => {
    const code = await service.kill('SIGTERM');
    await world.stop();
    prolog.remove();
    expect(code).toBe(0);
  });

  const slurm = async (...argv: string[]) => {
    const { code, stderr } = await world.cluster.exec(argv);
    expect(code, stderr).toBe(0);
  };
  const stateInSlurm = async (id: number) =>
    (await listSlurmJobs(world.cluster)).find((job) => job.id === id)?.state;
  const outputOf = async (id: number) => (await world.cluster.exec(['cat', `/tmp/slurm-${id}.log`])).stdout;
  const one = (work: Workload, label: string, commands?: string): SimulatedJob => {
    const [job] = work.queue(1, label, commands);
    if (job === undefined) throw new Error('no job was made');
    return job;
  };
  /** On GitHub, and in the service's eyes: what it has not seen start is still queued to it, and gets another allocation. */
  const started = (work: Workload, ...jobs: SimulatedJob[]) =>
    until(async () => {
      if (!jobs.every((job) => job.status === 'in_progress')) return false;
      const serving = await Promise.all(jobs.map(work.allocationOf));
      return serving.every((allocation) => allocation?.state === 'busy');
    });
  const ended = async (work: Workload) => (await work.allocations()).filter(({ state }) => state === 'ended');

  it('a node set down while jobs run: NODE_FAIL; what waits gets its place when the node is resumed', async () => {
    const work = await startWorkload(world);
    const running = work.queue(2, 'slurm-small', 'sleep 60');
    await started(work, ...running);
    const waiting = work.queue(2, 'slurm-all', 'sleep 0.2');
    await until(
      async () => (await work.allocations()).filter(({ slurmJobId }) => slurmJobId !== null).length === 4,
    );
    const bystanders = (await work.allocations('slurm-all')).map(({ slurmJobId }) => slurmJobId).toSorted();
    await slurm('scontrol', 'update', 'NodeName=node', 'State=DOWN', 'Reason=broken');
    await until(async () => (await ended(work)).length === 2);
    const queuedMeanwhile = one(work, 'slurm-small', 'sleep 0.2');
    await until(async () => (await work.allocationOf(queuedMeanwhile))?.state === 'pending');
    // GitHub hears nothing of its runners any more, or what they say when they are told to end.
    await until(() => running.every((job) => job.status === 'completed'));
    expect(waiting.map(({ status }) => status)).toEqual(['queued', 'queued']);
    await slurm('scontrol', 'update', 'NodeName=node', 'State=RESUME');
    expect(await work.finish()).toEqual([]);
    expect(conclusions(running)).toEqual(['failure', 'failure']);
    expect(conclusions([...waiting, queuedMeanwhile])).toEqual(Array(3).fill('success'));
    // What waited is what has run.
    const ran = await work.allocations('slurm-all');
    expect(ran.map(({ outcome }) => outcome)).toEqual(['completed', 'completed']);
    expect(ran.map(({ slurmJobId }) => slurmJobId).toSorted()).toEqual(bystanders);
    const failed = (await work.allocations()).filter(({ outcome }) => outcome !== 'completed');
    expect(failed.map(({ runnerName }) => runnerName).toSorted()).toEqual(
      running.map(({ runnerName }) => runnerName).toSorted(),
    );
    for (const { slurmJobId, outcome, reason } of failed) {
      expect(outcome).toBe('slurm:NODE_FAIL');
      expect(reason).toBe(`Slurm job ${slurmJobId} is NODE_FAIL: its node failed.`);
    }
  });

  it('a Prolog that fails: CANCELLED, with a reason that names it, and no loop', () =>
    prologFails({ world, prolog }));

  it('a requeue before the runner is there: the second start is refused its claim, and another allocation is made', async () => {
    const work = await startWorkload(world);
    const bystander = await work.hold(1);
    const path = '/repos/{owner}/{repo}/actions/runners/generate-jitconfig';
    world.github.control.fault({ kind: 'status', status: 503, path, times: 1_000 });
    const job = one(work, 'slurm-small', 'sleep 0.2');
    await until(async () => (await work.allocationOf(job))?.state === 'claimed');
    const first = await work.allocationOf(job);
    const id = first?.slurmJobId ?? 0;
    onTestFinished(() => {
      world.github.control.clearFaults();
      world.cluster.startDaemon('slurmrestd');
    });
    // The service does not see what becomes of the Slurm job; the claims of its batch script come through.
    await world.cluster.stopDaemon('slurmrestd');
    await slurm('scontrol', 'update', `JobId=${id}`, 'Requeue=1');
    await slurm('scontrol', 'requeue', String(id));
    // Slurm waits for two minutes; a node refuses a start in the second in which it revoked the credential of the one before.
    await until(async () => (await stateInSlurm(id)) === 'PENDING');
    await slurm('scontrol', 'update', `JobId=${id}`, 'StartTime=now+3');
    await until(async () => (await stateInSlurm(id)) === 'COMPLETED');
    expect(await outputOf(id)).toContain('no runner is wanted: Slurm has started this job before');
    world.github.control.clearFaults();
    world.cluster.startDaemon('slurmrestd');
    await until(() => job.conclusion === 'success', 60_000);
    expect(bystander.stillRun()).toBe(true);
    await bystander.open();
    expect(await work.finish()).toEqual([]);
    expect(conclusions([job, ...bystander.jobs])).toEqual(['success', 'success']);
    const cancels = world
      .log()
      .filter(({ msg, slurmJobId }) => msg === 'Slurm job cancelled' && slurmJobId === id);
    expect(cancels).toMatchObject([{ reason: 'started again by Slurm' }]);
    const made = await work.allocations();
    expect(made.map(({ outcome }) => outcome).toSorted()).toEqual([
      'completed',
      'completed',
      'runner-never-online',
    ]);
    expect(made.find(({ outcome }) => outcome !== 'completed')?.id).toBe(first?.id);
  });

  describe('side by side', () => {
    it.concurrent('scancel of a pending and of a running allocation: another one for what still waits', async () => {
      const work = await startWorkload(world);
      const bystander = await work.hold(1);
      const busy = one(work, 'slurm-cancel', 'sleep 60');
      const waiting = one(work, 'slurm-late', 'sleep 0.2');
      await started(work, busy);
      await until(async () => (await work.allocationOf(waiting))?.slurmJobId != null);
      const first = await work.allocationOf(waiting);
      await slurm('scancel', String(first?.slurmJobId));
      await slurm('scancel', String((await work.allocationOf(busy))?.slurmJobId));
      await until(async () => {
        const now = await work.allocationOf(waiting);
        return now?.state === 'pending' && now.id !== first?.id;
      });
      await slurm('scontrol', 'update', 'PartitionName=late', 'State=UP');
      await until(() => [busy, waiting].every(({ status }) => status === 'completed'));
      expect(bystander.stillRun()).toBe(true);
      await bystander.open();
      expect(await work.finish(120_000)).toEqual([]);
      expect(conclusions([busy, waiting, ...bystander.jobs])).toEqual(['failure', 'success', 'success']);
      const cancelled = (await work.allocations()).filter(({ outcome }) => outcome === 'slurm:CANCELLED');
      expect(cancelled.map(({ runnerName }) => runnerName).toSorted()).toEqual([busy.runnerName, null]);
    });

    it.concurrent('a requeue of one whose runner works: cancelled before it starts again', async () => {
      const work = await startWorkload(world);
      const bystander = await work.hold(1);
      const busy = one(work, 'slurm-requeue', 'sleep 60');
      await started(work, busy);
      const id = (await work.allocationOf(busy))?.slurmJobId ?? 0;
      await slurm('scontrol', 'update', `JobId=${id}`, 'Requeue=1');
      await slurm('scontrol', 'requeue', String(id));
      await until(async () => (await stateInSlurm(id)) === 'CANCELLED');
      await until(() => busy.status === 'completed');
      expect(bystander.stillRun()).toBe(true);
      await bystander.open();
      expect(await work.finish(120_000)).toEqual([]);
      expect(conclusions([busy, ...bystander.jobs])).toEqual(['failure', 'success']);
      expect(await work.allocations('slurm-requeue')).toMatchObject([
        { outcome: 'slurm:REQUEUED', slurmJobId: id },
      ]);
    });

    it.concurrent('a time limit that the runner lets pass: TIMEOUT, said as such, and its folder is gone', async () => {
      const work = await startWorkload(world);
      const bystander = await work.hold(1);
      // The step's parent is stopped, so that the runner waits for it whatever it is told.
      const busy = one(
        work,
        'slurm-short',
        'trap "" TERM INT; kill -STOP $PPID; while :; do sleep 0.5; done',
      );
      await started(work, busy);
      const id = (await work.allocationOf(busy))?.slurmJobId ?? 0;
      // Slurm looks at time limits twice a minute, and takes minutes only: the warning comes at the first look, the end at the next.
      await until(async () => (await outputOf(id)).includes('told to end'), 60_000, 200);
      await slurm('scontrol', 'update', `JobId=${id}`, 'EndTime=now');
      await until(() => busy.status === 'completed', 60_000);
      expect(bystander.stillRun()).toBe(true);
      await bystander.open();
      expect(await work.finish(120_000)).toEqual([]);
      expect(conclusions([busy, ...bystander.jobs])).toEqual(['failure', 'success']);
      expect(await stateInSlurm(id)).toBe('TIMEOUT');
      expect(await work.allocations('slurm-short')).toMatchObject([
        {
          outcome: 'slurm:TIMEOUT',
          reason: `Slurm job ${id} is TIMEOUT: it reached its time limit: raise the profile's timeLimit.`,
        },
      ]);
    });
  });
});
