/** A workflow job whose allocations start nothing, whatever the health of its pool: it rests, and is tried at growing intervals. */
import { describe, expect, it } from 'vitest';
import { config } from './controller-config.ts';
import { Harness } from './harness.ts';
import type { InProcessJob } from './in-process-slurm.ts';
import { slurmFailures } from './in-process-slurm.ts';

const minuteMs = 60_000;
const withCap = (maxAttempts: number) => new Harness({ limits: { ...config.limits, maxAttempts } });
const rests = (h: Harness) => h.log.filter(({ message }) => message === 'a workflow job rests');
const stateOf = (h: Harness, id: number | undefined) =>
  h.controller.state().jobs.find((job) => job.id === id);

/** Every other one dies before its claim and every other one after it, so that the pool's failures are never three in a row. */
async function fail(h: Harness, job: InProcessJob): Promise<void> {
  if (job.id % 2 === 0) await h.startAndClaim(job);
  h.slurm.end(job, 'FAILED');
}

describe('a job that nothing can serve', () => {
  it('costs five Slurm jobs, and then one after each growing interval, through restarts', async () => {
    const h = new Harness();
    const [job] = h.queue();
    const madeAtMin: number[] = [];
    for (let minute = 1; minute < 24 * 60; minute += 1) {
      await h.tick(minuteMs);
      for (const slurmJob of h.slurm.live()) {
        madeAtMin.push(minute);
        await fail(h, slurmJob);
      }
      if (minute % 50 === 0) h.restart();
    }
    expect(h.column('select distinct made_for_job_id from allocations')).toEqual([job?.id]);
    const gaps = madeAtMin.slice(1).map((minute, index) => minute - (madeAtMin[index] ?? 0));
    // A failure after the claim takes a listing more to be sure of.
    expect(gaps.slice(0, 4).every((gap) => gap <= 3)).toBe(true);
    for (const [index, rest] of [10, 20, 40, 80, 160, 320, 360].entries()) {
      expect(gaps[index + 4]).toBeGreaterThanOrEqual(rest);
      expect(gaps[index + 4]).toBeLessThanOrEqual(rest + 4);
    }
    expect(madeAtMin.length).toBeLessThanOrEqual(5 + 8);
  });

  it('says so in the state, in the explanation, in the gauges, and once in the log', async () => {
    const h = withCap(2);
    const [job] = h.queue();
    for (let count = 0; count < 12; count += 1) {
      await h.tick();
      for (const slurmJob of h.slurm.live()) h.slurm.end(slurmJob, 'FAILED');
    }
    expect(h.slurm.jobs.size).toBe(2);
    const last = h.rows().at(-1);
    const until = new Date((last?.endedAt ?? 0) + 10 * minuteMs).toISOString();
    const reason = `It rests until ${until}: 2 allocations were made for it and started nothing (limits.maxAttempts is 2). The last one, ${last?.id}, ended as slurm:FAILED on the node node: Slurm job 2 is FAILED: its batch script failed: look at its output, see slurm.output. Each is in gha-slurm explain ${job?.id}; cancelled and run again, it is tried at once.`;
    expect(stateOf(h, job?.id)).toMatchObject({ status: 'queued', reason });
    expect(h.controller.explain(job?.id ?? 0)).toMatchObject({ now: reason });
    expect(h.controller.pools()).toMatchObject([{ queued: 1, resting: 1 }]);
    expect(rests(h)).toMatchObject([{ level: 'warn', data: { repo: 'acme/app', jobId: job?.id } }]);
    h.restart();
    await h.tick();
    expect(stateOf(h, job?.id)?.reason).toBe(reason);
    expect(h.slurm.jobs.size).toBe(2);
    // The next attempt is no rest, and its failure begins another.
    await h.pass(10 * minuteMs);
    expect(h.slurm.jobs.size).toBe(3);
    expect(h.controller.pools()).toMatchObject([{ resting: 0, pending: 1 }]);
    for (const slurmJob of h.slurm.live()) h.slurm.end(slurmJob, 'NODE_FAIL');
    await h.pass(19 * minuteMs);
    expect(h.slurm.jobs.size).toBe(3);
    // The first, the one that the restart found, and this one.
    expect(rests(h)).toHaveLength(3);
  });

  it('says what its node lacks', async () => {
    const h = withCap(1);
    const [job] = h.queue();
    await h.tick();
    const { environment, id } = h.theJob();
    const { GHA_SLURM_ALLOCATION: allocation = '', GHA_SLURM_CLAIM_TOKEN: token = '' } = environment;
    h.controller.noteUnfit(allocation, token, { slurmJobId: id, node: 'node7', reason: 'no /dev/fuse' });
    h.slurm.end(h.theJob(), 'FAILED');
    await h.tick();
    expect(stateOf(h, job?.id)?.reason).toMatch(
      /ended as slurm:FAILED on the node node: The node node7 can't run it: no \/dev\/fuse\. Each is in/,
    );
  });

  it('gets the runner of another job all the same, which gets one more', async () => {
    const h = withCap(1);
    const [resting] = h.queue();
    await h.tick();
    h.slurm.end(h.theJob(), 'FAILED');
    await h.tick();
    const [other] = h.queue();
    await h.tick();
    expect(h.rows().map(({ madeForJobId }) => madeForJobId)).toEqual([resting?.id, other?.id]);
    const [slurmJob] = h.slurm.live();
    if (slurmJob === undefined) throw new Error('nothing was submitted');
    const { runnerName } = await h.startAndClaim(slurmJob);
    expect(h.take(runnerName)?.id).toBe(resting?.id);
    await h.tick();
    expect(stateOf(h, resting?.id)).toMatchObject({ status: 'in_progress' });
    expect(h.rows().map(({ madeForJobId }) => madeForJobId)).toEqual([resting?.id, other?.id, other?.id]);
  });

  it('is told from one that is run again: that is another job', async () => {
    const h = withCap(1);
    const [job] = h.queue();
    await h.tick();
    h.slurm.end(h.theJob(), 'FAILED');
    await h.tick();
    if (job === undefined) throw new Error('no job was queued');
    h.github.state.cancelJob(job);
    await h.tick();
    const run = h.github.state.runs.get(job.runId);
    if (run === undefined) throw new Error('the job has no run');
    h.github.state.rerun(run);
    await h.tick();
    expect(h.slurm.jobs.size).toBe(2);
  });
});

describe('what is no failed attempt', () => {
  it('a refusal, and a submit whose answer was lost: the pool sees to them', async () => {
    const h = withCap(1);
    const [job] = h.queue();
    h.slurm.faults.order('submit', { kind: 'before', error: slurmFailures.refused() });
    await h.tick();
    h.slurm.faults.order('submit', { kind: 'after', error: slurmFailures.timeout() });
    // Slurm answers its fence, and is looked at again.
    await h.pass(20_000);
    expect(h.rows().map(({ outcome }) => outcome)).toEqual(['submit-refused', 'submit-lost', null]);
    expect(stateOf(h, job?.id)?.allocationId).toBe(h.live()[0]?.id);
  });

  it('an allocation of an earlier version, which says nothing of a job', async () => {
    const h = withCap(1);
    h.queue();
    await h.tick();
    h.store.db.run('update allocations set made_for_job_id = null');
    h.slurm.end(h.theJob(), 'FAILED');
    await h.tick();
    expect(h.slurm.jobs.size).toBe(2);
  });

  it('a runner that is proven later to have done a job, by a listing that was late', async () => {
    const h = withCap(1);
    const [first] = h.queue();
    await h.tick();
    const { runnerName } = await h.startAndClaim(h.theJob());
    // It goes without a word, and a listing well after that shows nothing of it.
    h.slurm.end(h.theJob());
    await h.pass(30_000);
    expect(stateOf(h, first?.id)?.reason).toContain('It rests until');
    const [second] = h.queue();
    if (second === undefined) throw new Error('no job was queued');
    Object.assign(second, { status: 'in_progress', runnerName, startedAtMs: h.clock.wallMs() });
    await h.tick();
    expect(h.rows()[0]).toMatchObject({ workflowJobId: second.id });
    expect(h.live()).toMatchObject([{ madeForJobId: first?.id }]);
  });
});

describe('what has not ended', () => {
  it('counts as failed until it has: no Slurm job beyond the cap while the last one is completing', async () => {
    const h = withCap(1);
    const [job] = h.queue();
    await h.tick();
    h.theJob().states = ['FAILED', 'COMPLETING'];
    await h.pass(minuteMs);
    expect(stateOf(h, job?.id)?.reason).toMatch(/^limits\.maxAttempts is reached.*the end of the last one/);
    expect(rests(h)).toEqual([]);
    h.theJob().states = ['FAILED'];
    await h.tick();
    expect(stateOf(h, job?.id)?.reason).toContain('It rests until');
    expect(h.slurm.jobs.size).toBe(1);
  });

  it('counts as failed while its runner may have started a job that no listing shows', async () => {
    const h = withCap(1);
    const [first] = h.queue();
    await h.tick();
    await h.startAndClaim(h.theJob());
    h.slurm.end(h.theJob(), 'FAILED');
    await h.tick();
    const [second] = h.queue();
    await h.pass(minuteMs);
    // Not one more for the first, which waits longest and has none on its way.
    expect(h.rows().map(({ madeForJobId }) => madeForJobId)).toEqual([first?.id, second?.id]);
  });
});
