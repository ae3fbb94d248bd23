import { describe, expect, it } from 'vitest';
import { Harness } from './harness.ts';
import { gitHubFailures } from './in-process-github.ts';
import { slurmFailures } from './in-process-slurm.ts';

/** One job whose runner is registered and idle. */
async function withClaimed() {
  const h = new Harness();
  const [job] = h.queue();
  await h.tick();
  const granted = await h.startAndClaim(h.theJob());
  if (job === undefined) throw new Error('no job was queued');
  return { h, job, granted, allocationId: h.live()[0]?.id ?? '' };
}

describe('surplus', () => {
  it('a job cancelled while its allocation waits in Slurm frees it within a poll and the grace', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    if (job !== undefined) h.github.state.cancelJob(job);
    await h.tick();
    expect(h.theJob().states).toEqual(['PENDING']);
    await h.pass(25_000);
    expect(h.theJob().states).toEqual(['PENDING']);
    await h.pass(10_000);
    expect(h.theJob().states).toEqual(['CANCELLED']);
    await h.tick();
    expect(h.rows()).toMatchObject([{ state: 'ended', outcome: 'surplus' }]);
  });

  it('stays when demand comes back within the grace', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    if (job !== undefined) h.github.state.cancelJob(job);
    await h.pass(20_000);
    h.queue();
    await h.pass(60_000);
    expect(h.slurm.faults.count('submit')).toBe(1);
    expect(h.theJob().states).toEqual(['PENDING']);
  });

  it('is not seen in a failed observation: the last known demand stays', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    h.github.faults.order('observe', { kind: 'before', error: gitHubFailures.unavailable() }, 100);
    await h.pass(300_000);
    expect(h.theJob().states).toEqual(['PENDING']);
    expect(h.live()).toMatchObject([{ state: 'pending' }]);
    expect(h.controller.readiness().repositories[0]?.failure?.message).toContain('GitHub is in trouble');
  });

  it('a claimed runner is deregistered, then left alone for 30 s, and only then cancelled', async () => {
    const { h, job } = await withClaimed();
    h.github.state.cancelJob(job);
    await h.pass(40_000);
    expect(h.live()).toMatchObject([{ state: 'releasing' }]);
    expect(h.github.state.runners.size).toBe(0);
    expect(h.theJob().states).toEqual(['RUNNING']);
    await h.pass(20_000);
    expect(h.theJob().states).toEqual(['RUNNING']);
    await h.pass(15_000);
    expect(h.theJob().states).toEqual(['CANCELLED']);
    await h.tick();
    expect(h.rows()).toMatchObject([{ state: 'ended', outcome: 'surplus' }]);
  });

  it('a runner that GitHub says is busy (422) keeps its Slurm job', async () => {
    const { h, job, granted } = await withClaimed();
    // A list that is wrong about the job: the deregistration tells.
    h.github.lag({ ...job, status: 'completed', conclusion: 'cancelled' });
    h.take(granted.runnerName);
    await h.pass(60_000);
    expect(h.live()).toMatchObject([{ state: 'busy' }]);
    expect(h.theJob().states).toEqual(['RUNNING']);
  });

  it('a deregistration that can not be answered is tried again, and nothing is cancelled before', async () => {
    const { h, job } = await withClaimed();
    h.github.state.cancelJob(job);
    h.github.faults.order('deregister', { kind: 'before', error: gitHubFailures.unavailable() }, 10_000);
    await h.pass(300_000);
    expect(h.theJob().states).toEqual(['RUNNING']);
    expect(h.slurm.faults.count('cancel')).toBe(0);
    // In four and a half minutes of turns, five seconds apart: after 1, 2, 4, 8, 16 and 32 seconds, and then nearly a minute each.
    expect(h.github.faults.count('deregister')).toBeLessThanOrEqual(10);
    h.github.faults.clear();
    await h.pass(120_000);
    expect(h.theJob().states).toEqual(['CANCELLED']);
  });

  it('a start that shows up after the deregistration keeps the Slurm job', async () => {
    const { h, job, granted, allocationId } = await withClaimed();
    h.github.state.cancelJob(job);
    await h.pass(45_000);
    expect(h.live()).toMatchObject([{ state: 'releasing' }]);
    h.controller.takeEvent(allocationId, granted.eventToken, 'started');
    await h.pass(120_000);
    expect(h.theJob().states).toEqual(['RUNNING']);
    expect(h.live()).toMatchObject([{ state: 'busy' }]);
  });

  it('a cancel that Slurm does not answer is sent again, after a restart too', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    if (job !== undefined) h.github.state.cancelJob(job);
    h.slurm.faults.order('cancel', { kind: 'before', error: slurmFailures.timeout() }, 3);
    await h.pass(40_000);
    h.restart();
    await h.pass(60_000);
    expect(h.theJob().states).toEqual(['CANCELLED']);
  });
});

describe('an idle runner asks', () => {
  it('stop: it was deregistered, and no job came', async () => {
    const { h, job, granted, allocationId } = await withClaimed();
    h.github.state.cancelJob(job);
    await h.tick();
    expect(await h.controller.answerIdle(allocationId, granted.eventToken)).toBe('stop');
    expect(h.github.state.runners.size).toBe(0);
    h.slurm.end(h.theJob());
    await h.tick();
    expect(h.rows()).toMatchObject([{ state: 'ended', outcome: 'idle' }]);
  });

  it('stay: it has a job', async () => {
    const { h, granted, allocationId } = await withClaimed();
    h.take(granted.runnerName);
    expect(await h.controller.answerIdle(allocationId, granted.eventToken)).toBe('stay');
    expect(h.live()).toMatchObject([{ state: 'busy' }]);
  });

  it('stay: GitHub does not answer, so nobody can tell', async () => {
    const { h, granted, allocationId } = await withClaimed();
    h.github.faults.order('deregister', { kind: 'before', error: gitHubFailures.unavailable() });
    expect(await h.controller.answerIdle(allocationId, granted.eventToken)).toBe('stay');
    expect(h.live()).toMatchObject([{ state: 'claimed' }]);
  });

  it('nothing, with a wrong token', async () => {
    const { h, allocationId } = await withClaimed();
    expect(await h.controller.answerIdle(allocationId, 'wrong')).toBeNull();
    expect(h.controller.takeEvent(allocationId, 'wrong', 'started')).toBe(false);
    expect(h.live()).toMatchObject([{ state: 'claimed' }]);
  });
});

describe('a job that is over', () => {
  it('ends its row when Slurm says so, with nothing cancelled', async () => {
    const { h, granted } = await withClaimed();
    const taken = h.take(granted.runnerName);
    await h.tick();
    expect(h.live()).toMatchObject([{ state: 'busy', workflowJobId: taken?.id }]);
    if (taken !== null) h.github.state.complete(taken, 'success');
    h.slurm.end(h.theJob());
    await h.tick();
    expect(h.rows()).toMatchObject([{ state: 'ended', outcome: 'completed' }]);
    expect(h.slurm.faults.count('cancel')).toBe(0);
    expect(h.github.faults.count('deregister')).toBe(0);
  });

  it('has its Slurm job cancelled after a minute, when that does not end', async () => {
    const { h, granted } = await withClaimed();
    const taken = h.take(granted.runnerName);
    await h.tick();
    if (taken !== null) h.github.state.complete(taken, 'success');
    await h.pass(60_000);
    expect(h.theJob().states).toEqual(['RUNNING']);
    await h.pass(60_000);
    expect(h.theJob().states).toEqual(['CANCELLED']);
    await h.tick();
    expect(h.rows()).toMatchObject([{ state: 'ended', outcome: 'completed' }]);
  });

  it('a runner that died before its job started leaves no registration', async () => {
    const { h } = await withClaimed();
    h.slurm.end(h.theJob(), 'NODE_FAIL');
    await h.tick();
    expect(h.rows()[0]).toMatchObject({ state: 'ended', outcome: 'slurm:NODE_FAIL' });
    await h.pass(10_000);
    expect(h.github.state.runners.size).toBe(0);
  });
});

describe('runners that say nothing', () => {
  it('are listed once a minute: busy ones become busy', async () => {
    const { h, job, granted } = await withClaimed();
    h.github.lag(job);
    h.take(granted.runnerName);
    const atTheStart = h.github.faults.count('runners');
    await h.pass(85_000);
    expect(h.github.faults.count('runners')).toBe(atTheStart);
    await h.pass(10_000);
    expect(h.github.faults.count('runners')).toBe(atTheStart + 1);
    expect(h.live()).toMatchObject([{ state: 'busy' }]);
  });

  it('that never come online are given up after five minutes, with the reason', async () => {
    const { h } = await withClaimed();
    await h.pass(420_000);
    expect(h.rows()[0]).toMatchObject({
      outcome: 'runner-never-online',
      reason: expect.stringContaining('output'),
    });
    expect(h.github.faults.count('runners')).toBeLessThan(8);
  });

  it('that are online wait for their job for as long as it is queued', async () => {
    const { h, granted } = await withClaimed();
    const runner = h.github.find(granted.runnerName);
    if (runner !== undefined) runner.online = true;
    await h.pass(100_000);
    // The claim token has done its work.
    expect(h.live()).toMatchObject([{ state: 'claimed', claimTokenHash: null }]);
    expect(await h.claim(h.theJob())).toMatchObject({ status: 410 });
    await h.pass(320_000);
    expect(h.live()).toMatchObject([{ state: 'claimed' }]);
  });

  it('whose registration is gone are ghosts: the Slurm job is cancelled, and another follows', async () => {
    const { h, granted } = await withClaimed();
    const runner = h.github.find(granted.runnerName);
    if (runner === undefined) throw new Error('no runner was registered');
    runner.online = true;
    await h.pass(100_000);
    const ghost = h.theJob();
    h.github.state.removeRunner(runner, 'deleted by hand');
    await h.pass(60_000);
    expect(h.live()).toMatchObject([{ state: 'claimed' }]);
    await h.pass(120_000);
    expect(ghost.states).toEqual(['CANCELLED']);
    expect(h.rows()[0]).toMatchObject({
      outcome: 'registration-lost',
      reason: expect.stringContaining('registration is gone'),
    });
    expect(h.live()).toMatchObject([{ state: 'pending' }]);
  });

  it('that have started a job which nobody sees are left while they are registered, and are ghosts after that', async () => {
    const { h, job, granted } = await withClaimed();
    h.github.lag(job);
    h.take(granted.runnerName);
    const event = { token: granted.eventToken, id: h.live()[0]?.id ?? '' };
    expect(h.controller.takeEvent(event.id, event.token, 'started')).toBe(true);
    await h.pass(300_000);
    expect(h.live()).toMatchObject([{ state: 'busy', workflowJobId: null }, { state: 'pending' }]);
    // The run is deleted, and its registration with it; the process goes on.
    const runner = h.github.find(granted.runnerName);
    h.github.state.jobs.delete(job.id);
    h.github.lagging.delete(job.id);
    if (runner !== undefined) h.github.state.removeRunner(runner, 'its run was deleted');
    const [ghost] = h.slurm.jobs.values();
    await h.pass(150_000);
    expect(ghost?.states).toEqual(['CANCELLED']);
    expect(h.rows()[0]).toMatchObject({ outcome: 'completed' });
    expect(h.live()).toEqual([]);
  });
});
