/** Loops that get nowhere end visibly: three in a row block the pool, and one at a time is tried after that. */
import { describe, expect, it } from 'vitest';
import { Harness } from './harness.ts';
import { gitHubFailures } from './in-process-github.ts';

const blocked = (h: Harness): string => h.controller.state().pools[0]?.blocked ?? '';

/** Slurm starts whatever waits, and its runner is minted. */
async function claimAll(h: Harness) {
  for (const job of h.slurm.live().filter(({ states }) => states[0] === 'PENDING'))
    await h.startAndClaim(job);
}

describe('no progress', () => {
  it('runners that idle out while their pool has demand', async () => {
    const h = new Harness();
    h.queue();
    for (let minutes = 0; minutes < 30; minutes += 1) {
      await h.tick(60_000);
      for (const job of h.slurm.live()) {
        const { eventToken } = await h.startAndClaim(job);
        const id = job.environment['GHA_SLURM_ALLOCATION'] ?? '';
        expect(await h.controller.answerIdle(id, eventToken)).toBe('stop');
        h.slurm.end(job);
      }
      if (blocked(h) !== '') break;
    }
    expect(h.rows().map((row) => row.outcome)).toEqual(['idle', 'idle', 'idle']);
    expect(blocked(h)).toContain('no job came');
  });

  it('a runner that dies as soon as it has its claim: registrations are bounded', async () => {
    const h = new Harness();
    h.queue();
    for (let count = 0; count < 60; count += 1) {
      await h.tick(30_000);
      await claimAll(h);
      for (const job of h.slurm.live()) h.slurm.end(job, 'FAILED');
    }
    // Half an hour: three, then one after each growing interval of the pool's, then of the job's.
    expect(h.github.faults.count('mint')).toBeLessThan(8);
    expect(h.controller.state().jobs[0]?.reason).toMatch(/^It rests until .*FAILED/);
    expect(h.github.state.runners.size).toBe(0);
  });

  it('nodes that say before their claim what they lack: it is the reason, and the workflow job waits', async () => {
    const h = new Harness();
    const [job] = h.queue();
    const reason = 'rootless Docker needs\n/dev/net/tun (ghp_0123456789abcdefghij)\u001b[0m';
    for (let count = 0; count < 8; count += 1) {
      await h.tick(5_000);
      for (const slurmJob of h.slurm.live()) {
        const { environment, id } = slurmJob;
        h.slurm.start(slurmJob);
        const allocation = environment['GHA_SLURM_ALLOCATION'] ?? '';
        const token = environment['GHA_SLURM_CLAIM_TOKEN'] ?? '';
        const unfit = { slurmJobId: id, node: 'node7', reason };
        expect(h.controller.noteUnfit(allocation, 'wrong', unfit)).toBe(false);
        expect(h.controller.noteUnfit(allocation, token, { ...unfit, slurmJobId: 99 })).toBe(false);
        expect(h.controller.noteUnfit(allocation, token, unfit)).toBe(true);
        h.slurm.end(slurmJob, 'FAILED');
      }
    }
    const said = `The node node7 can't run it: rootless Docker needs /dev/net/tun (***)`;
    expect(h.rows().map((row) => [row.outcome, row.reason])).toEqual(Array(3).fill(['slurm:FAILED', said]));
    expect(blocked(h)).toContain(said);
    expect(job?.status).toBe('queued');
    expect(h.github.faults.count('mint')).toBe(0);
  });

  it('a batch script that never asks for its runner is ended when nothing can come of it any more', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    h.slurm.start(h.theJob());
    for (let minutes = 0; minutes < 59; minutes += 1) await h.tick(60_000);
    expect(h.slurm.live()).toHaveLength(1);
    for (let minutes = 0; minutes < 6; minutes += 1) await h.tick(60_000);
    expect(h.rows()[0]).toMatchObject({ state: 'ended', outcome: 'unclaimed' });
    expect(h.rows()[0]?.reason).toMatch(/has run for 61 minutes and has not asked for its runner/);
    expect(job?.status).toBe('queued');
    // Another one is tried.
    expect(h.slurm.live()).toHaveLength(1);
  });

  it('a batch script that was told to ask again, and does not, is ended when it would have given up', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    h.slurm.start(h.theJob());
    h.github.faults.order('mint', { kind: 'before', error: gitHubFailures.refusedToken() });
    expect(await h.claim(h.theJob())).toMatchObject({ status: 503 });
    for (let minutes = 0; minutes < 16; minutes += 1) await h.tick(60_000);
    expect(h.rows()).toMatchObject([{ state: 'claimed', claims: 0 }]);
    for (let minutes = 0; minutes < 3; minutes += 1) await h.tick(60_000);
    expect(h.rows()).toMatchObject([{ state: 'ended', outcome: 'runner-never-online' }, {}]);
    expect(h.rows()[0]?.reason).toMatch(/was told to ask again .* and has not for 17 minutes/);
    // Another one is tried.
    expect(h.slurm.live()).toHaveLength(1);
  });

  it('a node says what it lacks after its claim: that is not heard', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    const slurmJob = h.theJob();
    await h.startAndClaim(slurmJob);
    const { GHA_SLURM_ALLOCATION: id = '', GHA_SLURM_CLAIM_TOKEN: token = '' } = slurmJob.environment;
    const unfit = { slurmJobId: slurmJob.id, node: 'node7', reason: 'late' };
    expect(h.controller.noteUnfit(id, token, unfit)).toBe(false);
    expect(h.rows()[0]?.reason).toBeNull();
  });

  it('the first allocation that gets further clears the pool', async () => {
    const h = new Harness();
    h.queue(2);
    for (let count = 0; count < 8; count += 1) {
      await h.tick(5_000);
      for (const job of h.slurm.live()) h.slurm.end(job, 'FAILED');
    }
    expect(blocked(h)).not.toBe('');
    await h.tick(65_000);
    // One is tried, though two jobs wait.
    expect(h.slurm.live().length).toBe(1);
    await claimAll(h);
    await h.tick();
    expect(blocked(h)).toBe('');
    expect(h.slurm.live().length).toBe(2);
  });

  it('an outage between nodes and service: one wave, and then one Slurm job at a time', async () => {
    const h = new Harness();
    h.queue(4);
    const startedMs = new Map<number, number>();
    // Four hours: each batch script asks in vain for a quarter of an hour.
    for (let minute = 0; minute < 240; minute += 1) {
      await h.tick(60_000);
      for (const job of h.slurm.live()) {
        const sinceMs = startedMs.get(job.id) ?? h.clock.monotonicMs();
        startedMs.set(job.id, sinceMs);
        if (job.states[0] === 'PENDING') h.slurm.start(job);
        else if (h.clock.monotonicMs() - sinceMs >= 15 * 60_000) h.slurm.end(job, 'FAILED');
      }
      if (minute > 20) expect(h.slurm.live().length).toBeLessThanOrEqual(1);
    }
    // The wave, two until the pool is blocked, and one after each of 1, 2, 4, 8, 16, 30 and 30 minutes.
    expect(h.slurm.jobs.size).toBe(4 + 2 + 7);
    // It is over: the first that claims lets all others go.
    const [probe] = h.slurm.live();
    if (probe === undefined) throw new Error('nothing is tried');
    expect(await h.claim(probe)).toMatchObject({ status: 200 });
    await h.tick();
    expect(blocked(h)).toBe('');
    // All but the one that the probes were made for, which has had its five attempts.
    expect(h.live()).toHaveLength(3);
    expect(h.controller.state().jobs.flatMap(({ reason }) => reason ?? [])).toEqual([
      expect.stringMatching(/^It rests until/),
    ]);
  });

  it('one of a wave fails: one is made in its place, and the next claim of the wave lets all go', async () => {
    const h = new Harness();
    h.queue(3);
    await h.tick();
    const [first, second] = h.slurm.live();
    if (first === undefined || second === undefined) throw new Error('there are not enough Slurm jobs');
    h.slurm.end(first, 'FAILED');
    h.queue(3);
    await h.tick();
    // Two of the wave wait, and one in place of the third; the others are told why they wait.
    expect(h.live()).toHaveLength(3);
    expect(h.controller.state().jobs.filter(({ reason }) => reason?.includes('one allocation'))).toHaveLength(
      3,
    );
    await h.startAndClaim(second);
    await h.tick();
    expect(h.live()).toHaveLength(6);
  });

  it('a failure of long ago holds up none of the jobs that came after it', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    h.slurm.end(h.theJob(), 'FAILED');
    if (job !== undefined) h.github.state.cancelJob(job);
    await h.pass(60_000);
    h.queue(4);
    await h.tick();
    expect(h.live().filter(({ state }) => state === 'pending')).toHaveLength(4);
  });

  it('a pool in trouble does not hold up another', async () => {
    const h = new Harness();
    h.queue(1, ['slurm-small']);
    for (let count = 0; count < 6; count += 1) {
      await h.tick();
      for (const job of h.slurm.live()) h.slurm.end(job, 'FAILED');
    }
    h.queue(1, ['slurm-large']);
    await h.tick();
    expect(h.live()).toMatchObject([{ profile: 'slurm-large', state: 'pending' }]);
  });
});
