/** Every way in which Slurm ends a job, in each state of its allocation: the outcome, the reason, and what follows. */
import { describe, expect, it } from 'vitest';
import { Harness } from './harness.ts';
import type { InProcessJob } from './in-process-slurm.ts';
import { slurmFailures } from './in-process-slurm.ts';

/** Slurm's words, the outcome that they stand for, and what the operator reads. */
const ends: readonly (readonly [states: string, end: string, meaning: RegExp])[] = [
  ['COMPLETED', 'COMPLETED', /ended by itself/],
  ['CANCELLED', 'CANCELLED', /an administrator cancelled it, or the Prolog of its node failed/],
  ['FAILED', 'FAILED', /its batch script failed/],
  ['TIMEOUT', 'TIMEOUT', /raise the profile's timeLimit/],
  ['OUT_OF_MEMORY', 'OUT_OF_MEMORY', /raise the profile's memory/],
  ['NODE_FAIL', 'NODE_FAIL', /its node failed/],
  ['BOOT_FAIL', 'BOOT_FAIL', /its node did not start/],
  ['PREEMPTED', 'PREEMPTED', /a job of higher priority/],
  ['DEADLINE', 'DEADLINE', /before its deadline/],
  ['FAILED+LAUNCH_FAILED', 'FAILED', /could not be started on its node/],
  ['BOOT_FAIL+RECONFIG_FAIL', 'BOOT_FAIL', /could not be reconfigured/],
  ['CANCELLED+REVOKED', 'CANCELLED', /another cluster of the federation/],
];

describe.each(ends)('%s', (states, end, meaning) => {
  const finish = (job: InProcessJob): void => {
    job.states = states.split('+');
  };

  it('of a job that has not asked for its runner: a strike, and another allocation', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    finish(h.theJob());
    await h.tick();
    const outcome = end === 'COMPLETED' ? 'unclaimed' : `slurm:${end}`;
    expect(h.rows()[0]).toMatchObject({
      state: 'ended',
      outcome,
      reason: expect.stringMatching(meaning),
    });
    expect(h.rows()[0]?.reason?.startsWith(`Slurm job 1 is ${states}: `)).toBe(true);
    expect(h.column('select stage || strikes from pool_health')).toEqual(['claim1']);
    expect(h.live()).toMatchObject([{ state: 'pending', slurmJobId: 2 }]);
  });

  it('of one whose runner has started nothing: deregistered, a strike, and another allocation in time', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    await h.startAndClaim(h.theJob());
    finish(h.theJob());
    await h.tick();
    const outcome = end === 'COMPLETED' ? 'runner-never-online' : `slurm:${end}`;
    expect(h.rows()[0]).toMatchObject({ state: 'ended', outcome });
    expect(h.github.state.runners.size).toBe(0);
    expect(h.column('select stage || strikes from pool_health')).toEqual(['start1']);
    // It may have started a job that no listing shows yet.
    expect(h.live()).toEqual([]);
    await h.pass(30_000);
    expect(h.live()).toMatchObject([{ state: 'pending', slurmJobId: 2 }]);
  });

  it("of one whose runner works: its job is GitHub's to end, and nothing is tried again", async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    const granted = await h.startAndClaim(h.theJob());
    h.take(granted.runnerName);
    await h.tick();
    finish(h.theJob());
    await h.tick();
    expect(h.rows()).toMatchObject([
      {
        state: 'ended',
        outcome: end === 'COMPLETED' ? 'completed' : `slurm:${end}`,
        workflowJobId: job?.id,
      },
    ]);
    await h.pass(120_000);
    expect(h.live()).toEqual([]);
    expect(h.column('select count(*) from pool_health')).toEqual([0]);
  });

  it('of one that is being released: it ends as what it was released for', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    if (job !== undefined) h.github.state.cancelJob(job);
    h.slurm.faults.order('cancel', { kind: 'before', error: slurmFailures.timeout() }, 20);
    await h.pass(45_000);
    expect(h.live()).toMatchObject([{ state: 'releasing' }]);
    finish(h.theJob());
    await h.tick();
    expect(h.rows()).toMatchObject([{ outcome: 'surplus', reason: 'No queued job is left for it.' }]);
    expect(h.column('select count(*) from pool_health')).toEqual([0]);
  });
});

describe.each(['LAUNCH_FAILED', 'RECONFIG_FAIL'])('%s of a job that Slurm has put back', (flag) => {
  it('ends nothing in Slurm: it is cancelled by id and name, and there is never a second beside it', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    const job = h.theJob();
    job.states = ['PENDING', flag];
    h.slurm.faults.order('cancel', { kind: 'before', error: slurmFailures.timeout() });
    await h.tick();
    expect(h.rows()[0]).toMatchObject({
      outcome: 'slurm:REQUEUED',
      reason: expect.stringMatching(/its node/),
    });
    await h.pass(10_000);
    expect(h.slurm.faults.calls).toContainEqual({
      name: 'cancel',
      about: { id: 1, name: job.name, user: null },
    });
    expect(job.states).toEqual(['CANCELLED']);
  });

  it('is nothing to one that runs', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    await h.startAndClaim(h.theJob());
    h.theJob().states = ['RUNNING', flag];
    await h.pass(30_000);
    expect(h.live()).toMatchObject([{ state: 'claimed' }]);
    expect(h.slurm.jobs.size).toBe(1);
  });
});

it('REVOKED of a job that waits is no end: its row stays', async () => {
  const h = new Harness();
  h.queue();
  await h.tick();
  h.theJob().states = ['PENDING', 'REVOKED'];
  await h.tick();
  expect(h.rows()[0]).toMatchObject({ state: 'pending', slurmJobId: 1 });
});
