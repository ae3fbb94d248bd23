import { describe, expect, it } from 'vitest';
import { config } from './controller-config.ts';
import { Harness } from './harness.ts';
import { gitHubFailures } from './in-process-github.ts';
import { slurmFailures } from './in-process-slurm.ts';

describe("Slurm's word", () => {
  it.each(['FAILED', 'TIMEOUT', 'NODE_FAIL', 'PREEMPTED', 'OUT_OF_MEMORY', 'BOOT_FAIL', 'DEADLINE'])(
    '%s ends a pending row, and the job gets another allocation',
    async (state) => {
      const h = new Harness();
      h.queue();
      await h.tick();
      h.slurm.end(h.theJob(), state);
      await h.pass(10_000);
      expect(h.rows()[0]).toMatchObject({ state: 'ended', outcome: `slurm:${state}` });
      expect(h.live()).toMatchObject([{ state: 'pending', slurmJobId: 2 }]);
    },
  );

  it('three that end before they ask for their runner block the pool', async () => {
    const h = new Harness();
    h.queue();
    for (let count = 0; count < 3; count += 1) {
      await h.tick();
      const job = [...h.slurm.jobs.values()].at(-1);
      if (job !== undefined) h.slurm.end(job);
      await h.tick();
    }
    await h.pass(30_000);
    expect(h.slurm.jobs.size).toBe(3);
    expect(h.rows().map((row) => row.outcome)).toEqual(['unclaimed', 'unclaimed', 'unclaimed']);
    expect(h.controller.state().pools[0]?.blocked).toMatch(/Slurm job 3 is COMPLETED/);
  });

  it('a requeue ends the row, cancels the job, and makes a new one: its runner is spent', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    h.theJob().states = ['PENDING', 'REQUEUED'];
    await h.pass(10_000);
    expect(h.rows()[0]).toMatchObject({ state: 'ended', outcome: 'slurm:REQUEUED' });
    expect(h.slurm.jobs.get(1)?.states).toEqual(['CANCELLED']);
    expect(h.live()).toMatchObject([{ slurmJobId: 2 }]);
  });

  it('a requeue whose flag is gone by the time of the listing is seen all the same: what has claimed does not wait', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    const { runnerName } = await h.startAndClaim(h.theJob());
    h.take(runnerName);
    await h.tick();
    expect(h.live()).toMatchObject([{ state: 'busy' }]);
    h.slurm.requeue(h.theJob());
    await h.pass(10_000);
    expect(h.rows()).toMatchObject([{ state: 'ended', outcome: 'slurm:REQUEUED' }]);
    expect(h.slurm.live()).toEqual([]);
  });

  it('absence from a listing says nothing; two and "no such job" end the row', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    const job = h.theJob();
    h.slurm.forget(job);
    await h.tick();
    expect(h.live()).toMatchObject([{ state: 'pending' }]);
    expect(h.slurm.faults.count('job')).toBe(0);
    await h.tick();
    expect(h.rows()[0]).toMatchObject({ state: 'ended', outcome: 'slurm:GONE' });
  });

  it('an absent job that Slurm still knows by id stays', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    const job = h.theJob();
    h.slurm.forget(job);
    await h.tick();
    h.slurm.jobs.set(job.id, job);
    await h.pass(10_000);
    expect(h.live()).toMatchObject([{ state: 'pending', slurmJobId: job.id }]);
  });

  it('a failed listing is unknown, not empty: nothing ends, nothing is submitted', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    h.slurm.faults.order('states', { kind: 'before', error: slurmFailures.timeout() }, 1_000);
    h.queue();
    await h.pass(120_000);
    expect(h.live()).toMatchObject([{ state: 'pending' }]);
    expect(h.slurm.faults.count('submit')).toBe(1);
    expect(h.controller.state().pools[0]?.blocked).toContain('slurmrestd did not answer');
    h.slurm.faults.clear();
    await h.tick();
    expect(h.slurm.faults.count('submit')).toBe(2);
    // Said once when it began, and once when it was over.
    expect(h.log.filter(({ message }) => message === 'Slurm can not be observed').length).toBe(1);
    expect(h.log.filter(({ message }) => message === 'Slurm answers again').length).toBe(1);
  });

  it('a suspended job is no supply, and still counts for the caps', async () => {
    const h = new Harness({ limits: { ...config.limits, maxAllocations: 2 } });
    h.queue();
    await h.tick();
    h.theJob().states = ['SUSPENDED'];
    await h.pass(10_000);
    expect(h.slurm.jobs.size).toBe(2);
    h.queue();
    await h.pass(10_000);
    expect(h.slurm.jobs.size).toBe(2);
  });

  it('a reason that no waiting cures releases the allocation and blocks the pool', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    h.theJob().reason = 'PartitionTimeLimit';
    await h.pass(20_000);
    expect(h.slurm.jobs.get(1)?.states).toEqual(['CANCELLED']);
    expect(h.slurm.jobs.size).toBe(1);
    expect(h.controller.state().pools[0]?.blocked).toMatch(
      /PartitionTimeLimit.*Mend the profile slurm-small/,
    );
  });

  it('one look a minute, at the oldest of each pool, tells why it waits', async () => {
    const h = new Harness();
    h.queue(4);
    h.queue(3, ['slurm-large']);
    await h.tick();
    for (const job of h.slurm.live()) job.expectedStartMs = Date.UTC(2026, 10, 24, 12);
    await h.pass(65_000);
    expect(h.slurm.faults.count('job')).toBe(2);
    const reasons = h.controller.state().allocations.flatMap(({ reason }) => reason ?? []);
    expect(reasons.toSorted()).toEqual([
      'Slurm says Resources, expected to start at 2026-11-24T12:00:00.000Z.',
      'Slurm says Resources, expected to start at 2026-11-24T12:00:00.000Z.',
    ]);
  });
});

describe('GitHub shows', () => {
  it('a start before any listing has it: the runner counts as supply, for 15 s and a listing', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    const { runnerName, eventToken } = await h.startAndClaim(h.theJob());
    if (job === undefined) throw new Error('no job');
    h.github.lag(job);
    h.take(runnerName);
    h.controller.takeEvent(h.live()[0]?.id ?? '', eventToken, 'started');
    await h.pass(10_000);
    // GitHub still lists the job as queued: no second runner is asked for.
    expect(h.slurm.faults.count('submit')).toBe(1);
    // It took another job, then: this one still needs a runner.
    await h.pass(15_000);
    expect(h.slurm.faults.count('submit')).toBe(2);
  });

  it('a runner that ended before any listing shows its job counts as supply as well', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    const { runnerName, eventToken } = await h.startAndClaim(h.theJob());
    if (job === undefined) throw new Error('no job');
    h.github.lag(job);
    const taken = h.take(runnerName);
    h.controller.takeEvent(h.live()[0]?.id ?? '', eventToken, 'started');
    if (taken !== null) h.github.state.complete(taken, 'success');
    h.slurm.end(h.theJob());
    await h.pass(10_000);
    expect(h.rows()).toMatchObject([{ state: 'ended' }]);
    expect(h.slurm.faults.count('submit')).toBe(1);
    h.github.lagging.clear();
    await h.pass(60_000);
    expect(h.slurm.faults.count('submit')).toBe(1);
    expect(h.rows()).toMatchObject([{ outcome: 'completed', unconfirmedSince: null }]);
  });

  it('a job of ours taken by another runner: the surplus runner goes, the other stays untouched', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    await h.startAndClaim(h.theJob());
    const thief = h.github.state.addRunner('acme/app', 'thief', ['slurm-small']);
    if (thief === null || job === undefined) throw new Error('no thief');
    h.github.state.take(thief);
    await h.pass(120_000);
    expect(h.theJob().states).toEqual(['CANCELLED']);
    expect([...h.github.state.runners.values()].map(({ name }) => name)).toEqual(['thief']);
  });

  it('a sibling pool took our job and we theirs: counting heals it', async () => {
    const h = new Harness();
    h.queue(1, ['slurm-small']);
    h.queue(1, ['slurm-small', 'self-hosted']);
    await h.tick();
    const [first, second] = [...h.slurm.jobs.values()];
    if (first === undefined || second === undefined) throw new Error('two were to be submitted');
    for (const job of [first, second]) {
      const { runnerName } = await h.startAndClaim(job);
      h.take(runnerName);
    }
    await h.pass(10_000);
    const open = () => [...h.github.state.jobs.values()].filter(({ status }) => status === 'queued').length;
    for (let count = 0; count < 12 && open() > 0; count += 1) {
      await h.tick();
      for (const job of h.slurm.live().filter(({ states }) => states[0] === 'PENDING')) {
        h.take((await h.startAndClaim(job)).runnerName);
      }
    }
    expect(open()).toBe(0);
    expect(h.slurm.jobs.size).toBeLessThanOrEqual(3);
  });

  it('a known job that its listing lacks stays demand until two 404s', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    if (job === undefined) throw new Error('no job');
    h.github.state.jobs.delete(job.id);
    await h.tick();
    expect(h.controller.state().pools[0]?.queued).toBe(1);
    await h.tick();
    expect(h.controller.state().pools[0]?.queued).toBe(0);
    expect(h.controller.state().jobs[0]).toMatchObject({
      status: 'completed',
      reason: expect.stringContaining('no longer knows'),
    });
  });

  it('a job that waits for an approval wants no runner yet', async () => {
    const h = new Harness();
    const [job] = h.queue();
    if (job !== undefined) job.status = 'waiting';
    await h.pass(10_000);
    expect(h.slurm.jobs.size).toBe(0);
    if (job !== undefined) job.status = 'queued';
    await h.tick();
    expect(h.slurm.jobs.size).toBe(1);
  });

  it('a job that waited for its approval for longer than a day is demand from then on', async () => {
    const h = new Harness();
    // Its run is seen by what comes before it, and followed from then on.
    const [build, job] = h.queue(2);
    if (build === undefined || job === undefined) throw new Error('two jobs were to be queued');
    job.status = 'waiting';
    await h.tick();
    const { runnerName } = await h.startAndClaim(h.theJob());
    h.take(runnerName);
    await h.tick(25 * 3_600_000);
    expect(h.slurm.jobs.size).toBe(1);
    job.status = 'queued';
    await h.tick();
    expect(h.live()).toMatchObject([{ state: 'busy' }, { state: 'pending' }]);
    const shown = h.controller.state().jobs.find(({ id }) => id === job.id);
    expect(Date.parse(shown?.queuedAt ?? '')).toBe(h.clock.wallMs());
    // And the claim that comes for it is granted.
    const [, second] = h.slurm.jobs.values();
    if (second !== undefined) await h.startAndClaim(second);
    expect(h.live()[1]).toMatchObject({ state: 'claimed' });
  });

  it('a job queued for over 24 h is no demand: GitHub has given it up', async () => {
    const h = new Harness();
    h.queue();
    h.clock.advance(24 * 3_600_000 + 1);
    await h.tick();
    expect(h.slurm.jobs.size).toBe(0);
  });

  it('a second attempt of a run: each attempt has its own job and its own allocation', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    const { runnerName } = await h.startAndClaim(h.theJob());
    const taken = h.take(runnerName);
    if (taken === null || job === undefined) throw new Error('no job');
    h.github.state.complete(taken, 'failure');
    h.slurm.end(h.theJob());
    await h.pass(10_000);
    const run = h.github.state.runs.get(job.runId);
    if (run !== undefined) h.github.state.rerun(run);
    await h.pass(10_000);
    expect(h.slurm.jobs.size).toBe(2);
    expect(
      h.controller
        .state()
        .jobs.map(({ status }) => status)
        .sort(),
    ).toEqual(['completed', 'queued']);
  });

  it('rejected jobs once, with the reason, and never in a loop', async () => {
    const h = new Harness();
    h.queue(1, ['slurm-small', 'slurm-large']);
    h.queue(1, ['slurm-small', 'windows']);
    h.queue(1, ['ubuntu-latest']);
    await h.pass(60_000);
    expect(h.slurm.jobs.size).toBe(0);
    expect(h.controller.state().jobs.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(h.controller.state().jobs.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('2 size labels'),
      expect.stringContaining('windows'),
    ]);
  });

  it('a repository that fails does not stop the others', async () => {
    const h = new Harness({ repositories: ['acme/app', 'acme/other'] });
    h.github.state.createRun('acme/other', 'build', [{ name: 'job', labels: ['slurm-small'] }]);
    h.github.faults.order('observe', { kind: 'before', error: gitHubFailures.refusedToken() });
    await h.tick();
    expect(h.slurm.jobs.size).toBe(1);
    expect(h.controller.readiness().repositories.map(({ failure }) => failure?.message ?? null)).toEqual([
      'GitHub refuses the token',
      null,
    ]);
  });
});

describe('the clock', () => {
  it('set back or forward by an operator moves no release: durations are monotonic', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    if (job !== undefined) h.github.state.cancelJob(job);
    await h.tick();
    h.clock.setWall(h.clock.wallMs() + 3_600_000);
    await h.tick();
    expect(h.theJob().states).toEqual(['PENDING']);
    h.clock.setWall(h.clock.wallMs() - 7_200_000);
    await h.pass(40_000);
    expect(h.rows()).toMatchObject([{ state: 'ended', outcome: 'surplus' }]);
  });
});
