/** No room for the database: nothing is sent that is not on disk, nothing that came back is lost, and all goes on by itself. */
import { describe, expect, it } from 'vitest';
import { flush } from '../support/flush.ts';
import { fillDisk } from './fill-disk.ts';
import { Harness } from './harness.ts';
import { slurmFailures } from './in-process-slurm.ts';

describe('a full disk', () => {
  it('no intent, and so no submit; it is said once; with room again all goes on', async () => {
    const h = new Harness();
    await h.tick();
    h.queue(2);
    const makeRoom = fillDisk(h.store.db.$client);
    await h.pass(50_000);
    expect(h.slurm.faults.count('submit')).toBe(0);
    const { ready, database, slurm, repositories } = h.controller.readiness();
    expect(ready).toBe(false);
    expect(database?.message).toMatch(
      /^The database .*gha-slurm\.sqlite can't be written \(database or disk is full\): make room on its disk\. Nothing is submitted until then\.$/,
    );
    // It is no word about either side.
    expect([slurm, repositories[0]?.failure]).toEqual([null, null]);
    expect(h.log.filter(({ level }) => level === 'error')).toMatchObject([
      { message: 'the database can not be written', data: { reason: database?.message } },
    ]);
    makeRoom();
    await h.tick();
    expect(h.slurm.faults.count('submit')).toBe(2);
    expect(h.live().map(({ state }) => state)).toEqual(['pending', 'pending']);
    expect(h.controller.readiness()).toMatchObject({ ready: true, database: null });
    expect(h.log.map(({ message }) => message)).toContain('the database can be written again');
  });

  it('plans that could not be written are no submits: the fuse does not count them', async () => {
    const h = new Harness();
    await h.tick();
    h.queue();
    const makeRoom = fillDisk(h.store.db.$client, ['insert on allocations']);
    for (let turn = 0; turn < 40; turn += 1) await h.tick(1_000);
    expect(h.slurm.faults.count('submit')).toBe(0);
    makeRoom();
    await h.tick(1_000);
    expect(h.slurm.faults.count('submit')).toBe(1);
  });

  it("Slurm's answer comes while the disk is full: it is written as soon as there is room", async () => {
    const h = new Harness();
    h.queue();
    const answer = h.slurm.faults.hold('submit');
    const ticking = h.tick();
    await flush();
    const makeRoom = fillDisk(h.store.db.$client);
    answer();
    await ticking;
    await h.pass(30_000);
    expect(h.live()).toMatchObject([{ state: 'submitting', slurmJobId: null }]);
    makeRoom();
    await h.tick();
    expect(h.live()).toMatchObject([{ state: 'pending', slurmJobId: 1 }]);
    expect(h.slurm.faults.count('submit')).toBe(1);
  });

  it('a submit falls in doubt while the disk is full: fenced as soon as there is room, and made anew', async () => {
    const h = new Harness();
    h.queue();
    h.slurm.faults.order('submit', { kind: 'after', error: slurmFailures.timeout() });
    const answer = h.slurm.faults.hold('submit');
    const ticking = h.tick();
    await flush();
    const makeRoom = fillDisk(h.store.db.$client);
    answer();
    await ticking;
    await h.pass(30_000);
    expect(h.slurm.faults.count('cancelByName')).toBe(0);
    makeRoom();
    await h.pass(15_000);
    expect(h.rows()).toMatchObject([{ outcome: 'submit-lost' }, { state: 'pending' }]);
    expect(h.slurm.live().map(({ name }) => name)).toEqual([h.live()[0]?.slurmJobName]);
  });

  it('a release that can not be written keeps no intent of the same plan from being sent', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    if (job !== undefined) h.github.state.cancelJob(job);
    await h.pass(30_000);
    h.queue(1, ['slurm-large']);
    const makeRoom = fillDisk(h.store.db.$client, ['update on allocations']);
    await h.tick();
    expect(h.slurm.faults.count('submit')).toBe(2);
    makeRoom();
    await h.pass(10_000);
    expect(h.live()).toMatchObject([{ profile: 'slurm-large', state: 'pending', slurmJobId: 2 }]);
  });

  it('a claim is asked to come again, and granted when there is room', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    h.slurm.start(h.theJob());
    const makeRoom = fillDisk(h.store.db.$client);
    expect(await h.claim(h.theJob())).toMatchObject({ status: 503, retryAfterSeconds: 5 });
    expect(h.github.state.runners.size).toBe(0);
    makeRoom();
    expect(await h.claim(h.theJob())).toMatchObject({ status: 200 });
  });

  it('what nodes report is a hint, so it may be lost: a runner that asks whether to stop stays', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    const { eventToken, runnerName } = await h.startAndClaim(h.theJob());
    const [row] = h.live();
    const makeRoom = fillDisk(h.store.db.$client);
    expect(h.controller.takeEvent(row?.id ?? '', eventToken, 'started')).toBe(true);
    expect(await h.controller.answerIdle(row?.id ?? '', eventToken)).toBe('stay');
    expect(h.github.state.runners.size).toBe(1);
    makeRoom();
    h.take(runnerName);
    await h.tick();
    expect(h.live()).toMatchObject([{ state: 'busy' }]);
    expect(h.log.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('the disk fills up while GitHub mints: that registration is deleted when there is room', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    h.slurm.start(h.theJob());
    const answer = h.github.faults.hold('mint');
    const claiming = h.claim(h.theJob());
    await flush();
    const makeRoom = fillDisk(h.store.db.$client);
    answer();
    expect(await claiming).toMatchObject({ status: 503 });
    expect(h.github.state.runners.size).toBe(1);
    makeRoom();
    h.slurm.end(h.theJob(), 'NODE_FAIL');
    await h.pass(10_000);
    expect(h.github.state.runners.size).toBe(0);
  });
});
