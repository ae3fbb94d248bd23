/** A claim whose mint would be one registration more than there are queued jobs: an earlier one is not deleted yet. */
import { describe, expect, it } from 'vitest';
import { Harness } from './harness.ts';
import { gitHubFailures } from './in-process-github.ts';
import type { InProcessJob } from './in-process-slurm.ts';

const noAnswer = { kind: 'before', error: gitHubFailures.unavailable() } as const;

/** The node of an idle runner has died, GitHub deletes nothing, and the Slurm job that takes its place has started. */
async function withLeftover(): Promise<{ h: Harness; left: string; next: InProcessJob; jobId: number }> {
  const h = new Harness();
  const [job] = h.queue();
  await h.tick();
  const { runnerName } = await h.startAndClaim(h.theJob());
  h.github.faults.order('deregister', noAnswer, 1_000);
  h.slurm.end(h.theJob(), 'NODE_FAIL');
  await h.pass(25_000);
  const next = [...h.slurm.jobs.values()].find(({ states }) => states[0] === 'PENDING');
  if (next === undefined || job === undefined) throw new Error('nothing took its place');
  h.slurm.start(next);
  return { h, left: runnerName, next, jobId: job.id };
}

const later = { status: 503, retryAfterSeconds: 2 };

describe('a claim while a registration of its pool is left', () => {
  it('503 until GitHub has deleted it: there are never more than queued jobs', async () => {
    const { h, left, next } = await withLeftover();
    expect(await h.claim(next)).toMatchObject(later);
    expect([...h.github.state.runners.values()].map(({ name }) => name)).toEqual([left]);
    expect(h.counts.get('claims_refused')).toBeUndefined();
    h.github.faults.clear();
    await h.pass(65_000);
    const answer = await h.claim(next);
    expect(answer).toMatchObject({ status: 200 });
    expect([...h.github.state.runners.values()].map(({ name }) => name)).toEqual([
      answer.status === 200 && answer.runnerName,
    ]);
  });

  it('says so in the state and in explain, and no more once it has its runner', async () => {
    const { h, left, next, jobId } = await withLeftover();
    await h.claim(next);
    await h.tick();
    const reason = `It waits until GitHub has deleted a registration that is left of a runner before it: ${left}.`;
    expect(h.controller.state().allocations[0]).toMatchObject({ state: 'pending', reason });
    expect(h.controller.explain(jobId)?.now).toContain(reason);
    h.github.faults.clear();
    await h.pass(65_000);
    expect(await h.claim(next)).toMatchObject({ status: 200 });
    expect(h.live()).toMatchObject([{ state: 'claimed', reason: null }]);
  });

  it('its Slurm job gives up: the reason stays with the end, and counts against the pool', async () => {
    const { h, left, next } = await withLeftover();
    await h.claim(next);
    h.slurm.end(next, 'FAILED');
    await h.tick();
    expect(h.rows()[1]).toMatchObject({ state: 'ended', reason: expect.stringContaining(left) });
    expect(h.column("select reason from pool_health where stage = 'claim'")).toEqual([
      expect.stringContaining(left),
    ]);
  });

  it('is granted when another queued job is there for it', async () => {
    const { h, next } = await withLeftover();
    h.queue();
    await h.tick();
    expect(await h.claim(next)).toMatchObject({ status: 200 });
  });

  it('is granted when GitHub says that the one left has a job', async () => {
    const { h, left, next } = await withLeftover();
    expect(await h.claim(next)).toMatchObject(later);
    // Its job is shown as queued for as long as GitHub's lists lag.
    for (const job of h.github.state.jobs.values()) h.github.lag(job);
    expect(h.take(left)).not.toBeNull();
    h.github.faults.clear();
    await h.pass(65_000);
    expect(h.github.find(left)).toBeDefined();
    expect(await h.claim(next)).toMatchObject({ status: 200 });
  });

  it("stays when GitHub's list of runners lacks the one left, and GitHub still has it", async () => {
    const { h, left, next } = await withLeftover();
    h.restart();
    h.github.faults.order('runners', { kind: 'partial' });
    await h.tick();
    expect(h.github.faults.calls.filter(({ name }) => name === 'runner')).toEqual([
      { name: 'runner', about: left },
    ]);
    expect(await h.claim(next)).toMatchObject(later);
    expect(h.column('select state from runners')).toEqual(['registered']);
  });

  it("is granted when GitHub's list of runners lacks the one left, and so does a look by its name, whatever becomes of its deletion", async () => {
    const { h, left, next } = await withLeftover();
    expect(await h.claim(next)).toMatchObject(later);
    const runner = h.github.find(left);
    if (runner !== undefined) h.github.state.removeRunner(runner, 'offline for a day');
    h.restart();
    await h.tick();
    expect(await h.claim(next)).toMatchObject({ status: 200 });
  });

  it('waits as well for a runner that is being released', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    const first = h.theJob();
    await h.startAndClaim(first);
    if (job !== undefined) h.github.state.cancelJob(job);
    h.github.faults.order('deregister', noAnswer, 1_000);
    await h.pass(45_000);
    expect(h.live()).toMatchObject([{ state: 'releasing' }]);
    h.queue();
    await h.tick();
    const next = [...h.slurm.jobs.values()].find(({ id }) => id !== first.id);
    if (next === undefined) throw new Error('nothing was submitted');
    h.slurm.start(next);
    expect(await h.claim(next)).toMatchObject(later);
    h.github.faults.clear();
    // The longest that a deregistration is postponed.
    await h.pass(60_000);
    expect(await h.claim(next)).toMatchObject({ status: 200 });
  });
});
