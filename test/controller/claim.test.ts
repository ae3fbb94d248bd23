import { describe, expect, it } from 'vitest';
import { flush } from '../support/flush.ts';
import { Harness } from './harness.ts';
import { gitHubFailures } from './in-process-github.ts';

async function withOneJob(): Promise<Harness> {
  const h = new Harness();
  h.queue();
  await h.tick();
  return h;
}

describe('a claim', () => {
  it('200: gives the JIT config, with the name on disk before its mint', async () => {
    const h = await withOneJob();
    h.slurm.start(h.theJob());
    const answer = h.github.faults.hold('mint');
    const claiming = h.claim(h.theJob());
    await flush();
    const [name] = h.column('select name from runners');
    expect(h.github.faults.calls.at(-1)).toEqual({ name: 'mint', about: name });
    expect(h.live()).toMatchObject([{ state: 'claimed', claims: 1 }]);
    expect(h.column('select state from runners')).toEqual(['minting']);
    answer();
    expect(await claiming).toMatchObject({ status: 200, jitConfig: `jit of ${name}`, runnerName: name });
    expect(h.column('select state from runners')).toEqual(['registered']);
    expect(h.github.find(String(name))?.labels).toEqual(['slurm-small']);
  });

  it('asked twice at once is one mint, and both get its answer', async () => {
    const h = await withOneJob();
    h.slurm.start(h.theJob());
    const [first, second] = await Promise.all([h.claim(h.theJob()), h.claim(h.theJob())]);
    expect(first).toMatchObject({ status: 200 });
    expect(second).toEqual(first);
    expect(h.github.faults.count('mint')).toBe(1);
  });

  it('asked again after a lost answer: the first registration is deleted before the second mint', async () => {
    const h = await withOneJob();
    const first = await h.startAndClaim(h.theJob());
    const second = await h.claim(h.theJob());
    expect(second).toMatchObject({ status: 200 });
    expect([...h.github.state.runners.values()].map(({ name }) => name)).toEqual([
      first.runnerName.replace(/1$/, '2'),
    ]);
  });

  it('three times at most, and within five minutes of the first', async () => {
    const often = await withOneJob();
    await often.startAndClaim(often.theJob());
    await often.claim(often.theJob());
    expect(await often.claim(often.theJob())).toMatchObject({ status: 200 });
    expect(await often.claim(often.theJob())).toMatchObject({ status: 410 });
    expect(often.github.faults.count('mint')).toBe(3);
    expect(often.live()).toMatchObject([{ state: 'releasing' }]);

    const late = await withOneJob();
    await late.startAndClaim(late.theJob());
    late.clock.advance(301_000);
    expect(await late.claim(late.theJob())).toMatchObject({ status: 410 });
  });

  it('401: with a wrong token, and nothing changes', async () => {
    const h = await withOneJob();
    h.slurm.start(h.theJob());
    expect(await h.claim(h.theJob(), { token: 'x'.repeat(43) })).toEqual({
      status: 401,
      message: 'wrong claim token',
    });
    expect(h.live()).toMatchObject([{ state: 'pending' }]);
    expect(h.github.faults.count('mint')).toBe(0);
  });

  it('the claim token dies when the runner has started', async () => {
    const h = await withOneJob();
    const { eventToken } = await h.startAndClaim(h.theJob());
    const [row] = h.live();
    expect(h.controller.takeEvent(row?.id ?? '', eventToken, 'started')).toBe(true);
    expect(await h.claim(h.theJob())).toMatchObject({ status: 410 });
    expect(h.live()).toMatchObject([{ state: 'busy', claimTokenHash: null }]);
  });

  it('409: another Slurm job holds the allocation, and the one that asks is cancelled by id and name', async () => {
    const h = await withOneJob();
    const job = h.theJob();
    await h.startAndClaim(job);
    expect(await h.claim(job, { slurmJobId: 99 })).toMatchObject({ status: 409 });
    await h.tick();
    expect(h.slurm.faults.calls.filter(({ name }) => name === 'cancel').map(({ about }) => about)).toEqual([
      { id: 99, name: job.name, user: null },
    ]);
    expect(h.live()).toMatchObject([{ state: 'claimed', slurmJobId: job.id }]);
  });

  it('410: no queued job is left; nothing is minted, and the row is on its way out', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    if (job !== undefined) h.github.state.cancelJob(job);
    await h.tick();
    h.slurm.start(h.theJob());
    expect(await h.claim(h.theJob())).toMatchObject({ status: 410 });
    expect(h.github.faults.count('mint')).toBe(0);
    expect(h.live()).toMatchObject([{ state: 'releasing' }]);
  });

  it('410: two Slurm jobs of a pool start, and one queued job is left: the first gets it', async () => {
    const h = new Harness();
    const [gone] = h.queue(2);
    await h.tick();
    if (gone !== undefined) h.github.state.cancelJob(gone);
    await h.tick();
    const [first, second] = [...h.slurm.jobs.values()];
    if (first === undefined || second === undefined) throw new Error('two were to be submitted');
    h.slurm.start(first);
    h.slurm.start(second);
    const answers = await Promise.all([h.claim(first), h.claim(second)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 410]);
    expect(h.github.faults.count('mint')).toBe(1);
  });

  it('410: Slurm has started the job before; the job is cancelled', async () => {
    const h = await withOneJob();
    h.slurm.start(h.theJob());
    expect(await h.claim(h.theJob(), { restartCount: 1 })).toMatchObject({ status: 410 });
    await h.tick();
    expect(h.theJob().states).toEqual(['CANCELLED']);
  });

  it('410: an allocation that nobody knows', async () => {
    const h = new Harness();
    expect(
      await h.controller.claim('nobody', 'token', { slurmJobId: 1, node: 'n', restartCount: 0 }),
    ).toMatchObject({ status: 410 });
  });

  it('503: the repository was not observed since the start', async () => {
    const h = await withOneJob();
    h.slurm.start(h.theJob());
    h.restart();
    expect(await h.claim(h.theJob())).toMatchObject({ status: 503, retryAfterSeconds: 2 });
    expect(h.github.faults.count('mint')).toBe(0);
    await h.tick();
    expect(await h.claim(h.theJob())).toMatchObject({ status: 200 });
  });

  it('503: GitHub certainly minted nothing: asked again, as often as it takes', async () => {
    const h = await withOneJob();
    h.slurm.start(h.theJob());
    h.github.faults.order('mint', { kind: 'before', error: gitHubFailures.rateLimited() }, 6);
    for (let count = 0; count < 6; count += 1) {
      expect(await h.claim(h.theJob())).toMatchObject({ status: 503, retryAfterSeconds: 30 });
      h.clock.advance(30_000);
    }
    expect(await h.claim(h.theJob())).toMatchObject({ status: 200 });
    expect(h.github.state.runners.size).toBe(1);
  });

  it('503: a name that GitHub has refused is used again, one that it may have had is not: three at most', async () => {
    const h = await withOneJob();
    h.slurm.start(h.theJob());
    const refused = { kind: 'before', error: gitHubFailures.rateLimited() } as const;
    const lost = { kind: 'after', error: gitHubFailures.unavailable() } as const;
    for (const [fault, times] of [
      [refused, 20],
      [lost, 1],
      [refused, 1],
      [lost, 1],
      [refused, 30],
    ] as const)
      h.github.faults.order('mint', fault, times);
    for (let asked = 0; asked < 53; asked += 1)
      expect(await h.claim(h.theJob())).toMatchObject({ status: 503 });
    expect(await h.claim(h.theJob())).toMatchObject({ status: 200 });
    const stem = String(h.column('select name from runners')[0]).slice(0, -1);
    expect(h.column("select name || ' ' || state || ' ' || refusals from runners order by name")).toEqual([
      `${stem}1 deregistered 20`,
      `${stem}2 deregistered 1`,
      `${stem}3 registered 30`,
    ]);
  });

  it('503: the answer of a mint was lost: its registration is deleted, the next has another name', async () => {
    const h = await withOneJob();
    h.slurm.start(h.theJob());
    h.github.faults.order('mint', { kind: 'after', error: gitHubFailures.unavailable() });
    expect(await h.claim(h.theJob())).toMatchObject({ status: 503 });
    expect(h.column('select state from runners')).toEqual(['doubtful']);
    const answer = await h.claim(h.theJob());
    expect(answer).toMatchObject({ status: 200, runnerName: expect.stringMatching(/-2$/) });
    expect([...h.github.state.runners.values()].map(({ name }) => name)).toEqual([
      answer.status === 200 && answer.runnerName,
    ]);
  });

  it('a process that dies during a mint leaves a doubt, which the next claim clears', async () => {
    const h = await withOneJob();
    h.slurm.start(h.theJob());
    const answer = h.github.faults.hold('mint');
    const claiming = h.claim(h.theJob()).catch(() => 'died');
    await flush();
    h.restart();
    answer();
    await claiming;
    await h.tick();
    expect(h.github.state.runners.size).toBe(1);
    expect(await h.claim(h.theJob())).toMatchObject({ status: 200 });
    expect(h.github.state.runners.size).toBe(1);
  });

  it('503: its job was cancelled while the registration before was deleted: nothing is minted, and the next answer is 410', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    h.slurm.start(h.theJob());
    h.github.faults.order('mint', { kind: 'before', error: gitHubFailures.unavailable() });
    await h.claim(h.theJob());
    const deleted = h.github.faults.hold('deregister');
    const claiming = h.claim(h.theJob());
    await flush();
    if (job !== undefined) h.github.state.cancelJob(job);
    await h.tick();
    deleted();
    expect(await claiming).toMatchObject({ status: 503 });
    expect(h.github.faults.count('mint')).toBe(1);
    expect(h.column('select claims from allocations')).toEqual([1]);
    expect(await h.claim(h.theJob())).toMatchObject({ status: 410 });
  });

  it('released while it was minted: the new runner is deleted, and the answer is 410', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    h.slurm.start(h.theJob());
    const answer = h.github.faults.hold('mint');
    const claiming = h.claim(h.theJob());
    await flush();
    if (job !== undefined) h.github.state.cancelJob(job);
    h.slurm.end(h.theJob(), 'CANCELLED');
    const ticking = h.tick();
    await flush();
    answer();
    expect(await claiming).toMatchObject({ status: 410 });
    await ticking;
    expect(h.github.state.runners.size).toBe(0);
  });

  it('the names of mints never repeat, and are at most one for each start', async () => {
    const h = await withOneJob();
    h.slurm.start(h.theJob());
    h.github.faults.order('mint', { kind: 'after', error: gitHubFailures.unavailable() }, 2);
    for (let count = 0; count < 3; count += 1) await h.claim(h.theJob());
    const minted = h.github.faults.calls.filter(({ name }) => name === 'mint').map(({ about }) => about);
    expect(new Set(minted).size).toBe(minted.length);
  });
});
