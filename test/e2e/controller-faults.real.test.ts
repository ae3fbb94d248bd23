/** slurmctld and slurmrestd in trouble while work is under way: submits in doubt, jobs forgotten, numbers given out again. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listSlurmJobs } from '../support/list-slurm-jobs.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { small, startWorld, type World } from '../support/start-world.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { conclusions, startWorkload, type Workload } from '../support/workload.ts';

const neighbour = 'slurmrest';

describe.skipIf(realSlurmMissing !== null)('slurmctld and slurmrestd in trouble', () => {
  let world: World;
  let service: ServiceProcess;

  beforeAll(async () => {
    world = await startWorld({
      name: 'controller-faults',
      // What is submitted to `late` waits until it is opened.
      cluster: { cpus: 4, slurmConf: ['PartitionName=late Nodes=ALL MaxTime=1:00:00 State=DOWN'] },
      simulator: { rateLimit: 1_000_000 },
      config: {
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
    expect(code).toBe(0);
  });

  const scontrol = async (...argv: string[]) => {
    const { code, stderr } = await world.cluster.exec(['scontrol', ...argv]);
    expect(code, stderr).toBe(0);
  };
  const setLate = (state: 'UP' | 'DOWN') => scontrol('update', 'PartitionName=late', `State=${state}`);
  /** slurmctld writes its jobs down at most every five seconds: what it knew when this began is on disk, and numbers go on from there. */
  const untilSaved = async () => {
    const mark = `saved-${randomUUID()}`;
    await submitAsNeighbour('--hold', `--job-name=${mark}`, '--wrap=true');
    await until(() => readFileSync(join(world.cluster.directory, 'state', 'job_state')).includes(mark));
  };
  /** With the held ones of `untilSaved` gone: a slurmctld that is killed would forget an earlier cancel. */
  const finish = async (work: Workload) => {
    await world.cluster.exec(['scancel', `--user=${neighbour}`, '--state=PENDING']);
    return work.finish();
  };
  const submitAsNeighbour = async (...options: string[]): Promise<number> => {
    let id = 0;
    await until(async () => {
      const argv = ['sbatch', '--parsable', '--partition=ci', '--mem=64M', '--output=/dev/null', ...options];
      const { stdout, code } = await world.cluster.exec(argv, { user: neighbour });
      id = Number(stdout.trim());
      return code === 0;
    });
    return id;
  };

  it('SIGSTOP of slurmctld during submits: 504, and the jobs are made all the same; each is fenced, none runs', async () => {
    const work = await startWorkload(world);
    // They hold the node: what is made is fenced before it could start.
    const running = await work.hold(4);
    await world.cluster.signal('slurmctld', 'STOP');
    const asked = work.queue(6, 'slurm-small', 'sleep 0.2');
    const lost = async () => (await work.allocations()).filter(({ outcome }) => outcome === 'submit-lost');
    await until(async () => (await lost()).length === asked.length);
    await until(async () => (await world.readiness())?.slurm !== null);
    for (const { reason } of await lost())
      expect(reason).toMatch(/POST \/job\/submit: .*error 5004, status 504/);
    await world.cluster.signal('slurmctld', 'CONT');
    const names = (await lost()).map(({ id }) => id);
    const made = async () =>
      (await listSlurmJobs(world.cluster)).filter(({ name }) => names.some((id) => name.endsWith(id)));
    await until(
      async () => (await made()).filter(({ state }) => state === 'CANCELLED').length === asked.length,
    );
    expect(await made()).toHaveLength(asked.length);
    expect(running.stillRun()).toBe(true);
    await running.open();
    expect(await finish(work)).toEqual([]);
    expect(conclusions([...running.jobs, ...asked])).toEqual(Array(10).fill('success'));
    // The fences of later, too, have found none that had started.
    expect((await made()).map(({ state }) => state)).toEqual(Array(6).fill('CANCELLED'));
    expect((await lost()).length).toBe(asked.length);
    expect((await work.allocations()).filter(({ outcome }) => outcome === 'completed')).toHaveLength(10);
  });

  it('SIGKILL of slurmctld: what it had not written down is made once more, and nothing else; of slurmrestd: nothing is made until it is back', async () => {
    const work = await startWorkload(world);
    // They hold the node until both are back: a job that slurmctld forgets must not have started, for its node would kill it.
    const running = await work.hold(4);
    const waits = async () => (await work.allocations()).filter(({ state }) => state === 'pending');
    const waiting = work.queue(3, 'slurm-small', 'sleep 0.2');
    await until(async () => (await waits()).length === 3);
    const kept = (await waits()).map(({ id }) => id);
    await untilSaved();
    const fresh = work.queue(3, 'slurm-small', 'sleep 0.2');
    await until(async () => (await waits()).length === 6, 10_000, 5);
    const forgotten = (await waits()).map(({ id }) => id).filter((id) => !kept.includes(id));
    await world.cluster.signal('slurmctld', 'KILL');
    await until(async () => (await world.cluster.exec(['squeue', '--noheader'])).code === 0);
    const known = async (ids: readonly string[]) =>
      (await listSlurmJobs(world.cluster)).filter(({ name }) => ids.some((id) => name.endsWith(id))).length;
    expect([await known(kept), await known(forgotten)]).toEqual([3, 0]);
    const outcomes = async (ids: readonly string[]) =>
      (await work.allocations())
        .filter(({ id }) => ids.includes(id))
        .map(({ state, outcome }) => outcome ?? state);
    await until(async () => (await outcomes(forgotten)).every((outcome) => outcome.startsWith('slurm:')));
    // What comes in their place is one at a time, until one has claimed.
    await until(async () => (await waits()).length === 4);
    expect(await work.allocations()).toHaveLength(4 + 3 + 3 + 1);

    await world.cluster.stopDaemon('slurmrestd');
    await until(async () => (await world.readiness())?.slurm !== null);
    const late = work.queue(2, 'slurm-late', 'sleep 0.2');
    const seen = async () =>
      (await world.state())?.jobs.filter(({ id }) => late.some((job) => job.id === id));
    await until(async () => (await seen())?.length === 2);
    expect(await work.allocations()).toHaveLength(11);
    world.cluster.startDaemon('slurmrestd');
    await until(async () => (await waits()).length === 6);
    expect(running.stillRun()).toBe(true);
    await running.open();
    await setLate('UP');
    expect(await finish(work)).toEqual([]);
    expect(conclusions([...running.jobs, ...waiting, ...fresh, ...late])).toEqual(Array(12).fill('success'));
    // Their numbers were given again, or they were looked up before that.
    for (const outcome of await outcomes(forgotten)) expect(outcome).toMatch(/^slurm:(LOST|GONE)$/);
    const others = (await work.allocations()).filter(({ id }) => !forgotten.includes(id));
    expect(others.map(({ outcome }) => outcome)).toEqual(Array(12).fill('completed'));
    expect(await outcomes(kept)).toEqual(Array(3).fill('completed'));
    await setLate('DOWN');
  });

  it('SIGKILL of slurmctld right after an answer: the number comes again, and the older allocation ends', async () => {
    const work = await startWorkload(world);
    const running = await work.hold(2);
    await untilSaved();
    const [forgotten] = work.queue(1, 'slurm-late');
    if (forgotten === undefined) throw new Error('no job');
    const first = async () => (await work.allocationOf(forgotten))?.slurmJobId ?? null;
    await until(async () => (await first()) !== null, 10_000, 5);
    const number = await first();
    await world.cluster.signal('slurmctld', 'KILL');
    const [next] = work.queue(1, 'slurm-late');
    const holders = async () =>
      (await work.allocations())
        .filter(({ slurmJobId }) => slurmJobId === number)
        .map(({ state, outcome }) => outcome ?? state)
        .toSorted();
    await until(async () => (await holders()).length === 2);
    // A look at Slurm may find it gone before its number is given to the next.
    expect(await holders()).toEqual(['pending', expect.stringMatching(/^slurm:(LOST|GONE)$/)]);
    expect(running.stillRun()).toBe(true);
    await running.open();
    await setLate('UP');
    expect(await finish(work)).toEqual([]);
    expect(conclusions(running.jobs)).toEqual(['success', 'success']);
    expect(conclusions([forgotten, next])).toEqual(['success', 'success']);
    await setLate('DOWN');
  });

  it("the number goes to a neighbour's job: it is never cancelled, and the workflow job gets another one", async () => {
    const work = await startWorkload(world);
    const running = await work.hold(2);
    await untilSaved();
    const [kept, cancelled] = work.queue(2, 'slurm-late');
    if (kept === undefined || cancelled === undefined) throw new Error('no jobs');
    const acknowledged = async () =>
      (await work.allocations('slurm-late'))
        .flatMap(({ slurmJobId }) => slurmJobId ?? [])
        .toSorted((a, b) => a - b);
    await until(async () => (await acknowledged()).length === 2, 10_000, 5);
    const numbers = await acknowledged();
    await world.cluster.signal('slurmctld', 'KILL');
    const taken = [await submitAsNeighbour('--wrap=sleep 5'), await submitAsNeighbour('--wrap=sleep 5')];
    expect(taken).toEqual(numbers);
    const neighbours = async () =>
      (await listSlurmJobs(world.cluster))
        .filter(({ id }) => taken.includes(id))
        .map(({ user, state }) => `${user} ${state}`);
    // Surplus: the service cancels, by number and name, what has a neighbour's number by now.
    world.github.control.cancelJob(cancelled.id);
    await until(() =>
      world
        .log()
        .some(({ msg, slurmJobId }) => msg === 'Slurm job cancelled' && taken.includes(Number(slurmJobId))),
    );
    expect((await neighbours()).filter((state) => !/PENDING|RUNNING/.test(state))).toEqual([]);
    await until(async () => (await neighbours()).every((state) => state === `${neighbour} COMPLETED`));
    expect(running.stillRun()).toBe(true);
    await running.open();
    await setLate('UP');
    expect(await finish(work)).toEqual([]);
    expect(conclusions(running.jobs)).toEqual(['success', 'success']);
    expect(conclusions([kept, cancelled])).toEqual(['success', 'cancelled']);
    const older = (await work.allocations()).filter(({ slurmJobId }) => taken.includes(slurmJobId ?? 0));
    // The look at what waits, once a minute, may find the other name before the neighbour's job is over.
    const [first, second] = older.map(({ outcome = '' }) => outcome).toSorted();
    expect(older).toHaveLength(2);
    expect([first, second]).toContain('surplus');
    expect(first === 'surplus' ? second : first).toMatch(/^(unclaimed|slurm:GONE)$/);
    await setLate('DOWN');
  });
});
