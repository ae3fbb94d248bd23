/** Every way in which Slurm ends a job, in each state of its allocation: the outcome, the reason, and what follows. */
import { describe, expect, it } from 'vitest';
import { type SlurmEnd, slurmEnds } from '../../src/domain/slurm-ends.ts';
import { Harness } from './harness.ts';
import { slurmFailures } from './in-process-slurm.ts';

const ends = Object.keys(slurmEnds) as SlurmEnd[];

describe.each(ends)('%s', (end) => {
  it('of a job that has not asked for its runner: a strike, and another allocation', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    h.slurm.end(h.theJob(), end);
    await h.tick();
    const outcome = end === 'COMPLETED' ? 'unclaimed' : `slurm:${end}`;
    expect(h.rows()[0]).toMatchObject({
      state: 'ended',
      outcome,
      reason: `Slurm job 1 is ${end}: ${slurmEnds[end]}.`,
    });
    expect(h.column('select stage || strikes from pool_health')).toEqual(['claim1']);
    expect(h.live()).toMatchObject([{ state: 'pending', slurmJobId: 2 }]);
  });

  it('of one whose runner has started nothing: deregistered, a strike, and another allocation in time', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    await h.startAndClaim(h.theJob());
    h.slurm.end(h.theJob(), end);
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
    h.slurm.end(h.theJob(), end);
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
    h.slurm.end(h.theJob(), end);
    await h.tick();
    expect(h.rows()).toMatchObject([{ outcome: 'surplus', reason: 'No queued job is left for it.' }]);
    expect(h.column('select count(*) from pool_health')).toEqual([0]);
  });
});
