import { describe, expect, it } from 'vitest';
import { flush } from '../support/flush.ts';
import { Harness } from './harness.ts';
import { slurmFailures } from './in-process-slurm.ts';

const inDoubt = [
  { what: 'did not take effect', kind: 'before' },
  { what: 'took effect', kind: 'after' },
] as const;

describe('submits', () => {
  it('one for each queued job, with its intent on disk before Slurm hears of it', async () => {
    const h = new Harness();
    h.queue(3);
    const answer = h.slurm.faults.hold('submit');
    const ticking = h.tick();
    await flush();
    expect(h.slurm.faults.count('submit')).toBe(3);
    expect(h.live().map((row) => row.state)).toEqual(Array(3).fill('submitting'));
    const named = h.live().map((row) => row.slurmJobName);
    expect(
      new Set(h.slurm.faults.calls.flatMap(({ name, about }) => (name === 'submit' ? [about] : []))),
    ).toEqual(new Set(named));
    answer();
    await ticking;
    expect(h.live().map((row) => row.state)).toEqual(Array(3).fill('pending'));
    expect(new Set(h.live().map((row) => row.slurmJobId))).toEqual(new Set([1, 2, 3]));
    await h.pass(60_000);
    expect(h.slurm.faults.count('submit')).toBe(3);
  });

  it('never asks for a full listing: only for the states of its own ids', async () => {
    const h = new Harness();
    h.queue(2);
    await h.pass(20_000);
    const asked = h.slurm.faults.calls
      .filter(({ name }) => name === 'states')
      .map(({ about }) => new Set(about as number[]));
    expect(asked.slice(0, 3)).toEqual([new Set(), new Set([1, 2]), new Set([1, 2])]);
  });

  it('puts neither the claim token nor the JIT config into the database or the log', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    const token = h.theJob().environment['GHA_SLURM_CLAIM_TOKEN'] ?? '';
    const { jitConfig, eventToken } = await h.startAndClaim(h.theJob());
    const dump = JSON.stringify(
      ['allocations', 'runners', 'allocation_events'].map((table) =>
        h.store.db.all(`select * from ${table}`),
      ),
    );
    for (const secret of [token, jitConfig, eventToken]) {
      expect(secret.length).toBeGreaterThan(8);
      expect(dump).not.toContain(secret);
      expect(JSON.stringify(h.log)).not.toContain(secret);
    }
  });

  it('a refusal that Slurm states ends the row; three block the pool, with the reason', async () => {
    const h = new Harness();
    h.queue(20);
    h.slurm.faults.order('submit', { kind: 'before', error: slurmFailures.refused() }, 50);
    await h.tick();
    const ended = h.rows().filter((row) => row.outcome === 'submit-refused');
    expect(ended.length).toBe(20);
    // Eight are under way at once; what waited behind them was not sent.
    expect(h.slurm.faults.count('submit')).toBeLessThan(12);
    expect(h.controller.state().pools[0]?.blocked).toMatch(/Invalid partition/);
    const sent = h.slurm.faults.count('submit');
    await h.pass(50_000);
    expect(h.slurm.faults.count('submit')).toBe(sent);
    // One is tried after a minute, the next after two more.
    await h.pass(15_000);
    expect(h.slurm.faults.count('submit')).toBe(sent + 1);
    await h.pass(110_000);
    expect(h.slurm.faults.count('submit')).toBe(sent + 1);
    h.slurm.faults.clear();
    await h.pass(15_000);
    expect(h.live().length).toBe(20);
    expect(h.controller.state().pools[0]?.blocked).toBeUndefined();
  });

  it('"not created" is sent again, for the same allocation', async () => {
    const h = new Harness();
    h.queue();
    h.slurm.faults.order('submit', { kind: 'before', error: slurmFailures.controllerDown() }, 3);
    await h.tick();
    expect(h.live().map((row) => row.state)).toEqual(['submitting']);
    await h.pass(60_000);
    expect(h.live().map((row) => row.state)).toEqual(['pending']);
    expect(h.slurm.faults.count('submit')).toBe(4);
    expect(h.rows().length).toBe(1);
    expect(h.slurm.faults.count('cancelByName')).toBe(0);
  });

  it.each(inDoubt)(
    'in doubt, and it $what: ended first, fenced by name, a new one made',
    async ({ kind }) => {
      const h = new Harness();
      h.queue();
      h.slurm.faults.order('submit', { kind, error: slurmFailures.timeout() });
      await h.tick();
      const [lost] = h.rows();
      expect(lost).toMatchObject({ state: 'ended', outcome: 'submit-lost', slurmJobId: null });
      await h.tick();
      expect(
        h.slurm.faults.calls.filter(({ name }) => name === 'cancelByName').map(({ about }) => about),
      ).toEqual([lost?.slurmJobName]);
      await h.tick();
      expect(h.live().map((row) => row.state)).toEqual(['pending']);
      expect(h.slurm.live().map((job) => job.name)).toEqual([h.live()[0]?.slurmJobName]);
    },
  );

  it('until Slurm has answered the first fence, a lost submit counts as supply: an outage multiplies nothing', async () => {
    const h = new Harness();
    h.queue(4);
    h.slurm.faults.order('submit', { kind: 'after', error: slurmFailures.timeout() }, 4);
    h.slurm.faults.order('cancelByName', { kind: 'before', error: slurmFailures.timeout() }, 1_000);
    for (let minutes = 0; minutes < 60; minutes += 1) await h.tick(60_000);
    expect(h.slurm.faults.count('submit')).toBe(4);
    h.slurm.faults.clear();
    await h.pass(120_000);
    expect(h.slurm.faults.count('submit')).toBe(8);
    expect(h.slurm.live().length).toBe(4);
  });

  it('a lost submit that takes effect after its fence is fenced again, and its claim is refused', async () => {
    const h = new Harness();
    h.queue();
    h.slurm.faults.order('submit', { kind: 'after', error: slurmFailures.timeout() });
    await h.tick();
    const late = h.theJob();
    await h.tick();
    // It had not been there for the first fence.
    late.states = ['PENDING'];
    h.slurm.start(late);
    expect(await h.claim(late)).toMatchObject({ status: 410 });
    await h.pass(15_000);
    expect(late.states).toEqual(['CANCELLED']);
  });

  it('fences go up again for a day, at growing intervals, and then end', async () => {
    const h = new Harness();
    h.queue();
    h.slurm.faults.order('submit', { kind: 'before', error: slurmFailures.timeout() });
    await h.tick();
    for (let hours = 0; hours < 26; hours += 0.25) await h.tick(900_000);
    const fences = h.slurm.faults.count('cancelByName');
    expect(fences).toBeGreaterThan(20);
    expect(fences).toBeLessThan(40);
    expect(h.column('select count(*) from fences where done_at is null')).toEqual([0]);
  });

  it('the answer is late: an allocation released meanwhile gets its Slurm job cancelled, by id and name', async () => {
    const h = new Harness();
    const [job] = h.queue();
    const answer = h.slurm.faults.hold('submit');
    const ticking = h.tick();
    await flush();
    if (job !== undefined) h.github.state.cancelJob(job);
    // The service dies; what it asked for takes effect, and nobody hears of it.
    h.restart();
    answer();
    await ticking;
    await h.tick();
    expect(h.rows()).toMatchObject([{ state: 'ended', outcome: 'submit-lost' }]);
    expect(h.slurm.live()).toEqual([]);
  });

  it('a claim that is faster than the answer wins: nothing is fenced, nothing is doubled', async () => {
    const h = new Harness();
    h.queue();
    h.slurm.faults.order('submit', { kind: 'after', error: slurmFailures.timeout() });
    const answer = h.slurm.faults.hold('submit');
    const ticking = h.tick();
    await flush();
    const { runnerName } = await h.startAndClaim(h.theJob());
    answer();
    await ticking;
    expect(h.live()).toMatchObject([{ state: 'claimed', slurmJobId: 1 }]);
    h.take(runnerName);
    await h.pass(60_000);
    expect(h.slurm.faults.count('cancelByName')).toBe(0);
    expect(h.slurm.faults.count('submit')).toBe(1);
  });

  it('Slurm lost a job and gives its number to the next: the older row ends', async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    h.slurm.forget(h.theJob(), 1);
    h.queue();
    h.slurm.faults.order('submit', { kind: 'slow', after: () => h.clock.advance(1) });
    await h.tick();
    expect(h.rows()).toMatchObject([
      { state: 'ended', outcome: 'slurm:LOST' },
      { state: 'pending', slurmJobId: 1 },
    ]);
    await h.tick();
    expect(h.live().length).toBe(2);
    expect(h.slurm.live().length).toBe(2);
  });
});

describe('a restart', () => {
  it('goes on with what is on disk: nothing is submitted twice', async () => {
    const h = new Harness();
    h.queue(5);
    await h.tick();
    h.restart();
    await h.pass(30_000);
    expect(h.slurm.faults.count('submit')).toBe(5);
    expect(h.live().map((row) => row.state)).toEqual(Array(5).fill('pending'));
  });

  it('submits nothing before both sides have answered', async () => {
    const h = new Harness();
    h.queue();
    h.slurm.faults.order('states', { kind: 'before', error: slurmFailures.timeout() }, 3);
    await h.pass(15_000);
    expect(h.slurm.faults.count('submit')).toBe(0);
    expect(h.controller.readiness().ready).toBe(false);
    await h.tick();
    expect(h.slurm.faults.count('submit')).toBe(1);
    expect(h.controller.readiness().ready).toBe(true);
  });

  it('keeps a pool blocked that was blocked', async () => {
    const h = new Harness();
    h.queue(3);
    h.slurm.faults.order('submit', { kind: 'before', error: slurmFailures.refused() }, 3);
    await h.tick();
    h.restart();
    await h.pass(30_000);
    expect(h.slurm.faults.count('submit')).toBe(3);
  });
});
