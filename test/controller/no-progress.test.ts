/** Loops that get nowhere end visibly: three in a row block the pool, and one at a time is tried after that. */
import { describe, expect, it } from 'vitest';
import { Harness } from './harness.ts';

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
    // Half an hour: three, then one after each growing interval.
    expect(h.github.faults.count('mint')).toBeLessThan(9);
    expect(blocked(h)).toContain('FAILED');
    expect(h.github.state.runners.size).toBe(0);
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
