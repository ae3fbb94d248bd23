/** When a fence goes up: the first ones may not be answered, and then it is the answers that count. */
import { describe, expect, it } from 'vitest';
import { Harness } from './harness.ts';
import { slurmFailures } from './in-process-slurm.ts';

const hourMs = 3_600_000;
const unanswered = { kind: 'before', error: slurmFailures.timeout() } as const;

/** A submit is lost, and so are this many fences; `answered` are the times of those that are not, from the first of them on. */
async function withLostSubmit(failing: number) {
  const h = new Harness();
  h.queue();
  h.slurm.faults.order('submit', { kind: 'after', error: slurmFailures.timeout() });
  await h.tick();
  const late = h.theJob();
  const times: number[] = [];
  h.slurm.onFence = () => void times.push(h.clock.monotonicMs());
  h.slurm.faults.order('cancelByName', unanswered, failing);
  const answered = () => times.map((atMs) => atMs - (times[0] ?? 0));
  const untilAnswered = async () => {
    while (times.length === 0) await h.tick();
  };
  return { h, late, answered, untilAnswered };
}

const hours = async (h: Harness, count: number) => {
  for (let left = count * 4; left > 0; left -= 1) await h.tick(hourMs / 4);
};

describe('fences', () => {
  it.each([0, 1, 7, 40])(
    'grow from the first answer, after %i that had none: 10 s, 30 s, two minutes, ten',
    async (failing) => {
      const { h, answered, untilAnswered } = await withLostSubmit(failing);
      await untilAnswered();
      await h.pass(800_000);
      expect(answered()).toEqual([0, 10_000, 40_000, 160_000, 760_000]);
    },
  );

  it('catch a submit that takes effect when Slurm answers again after half a minute', async () => {
    const { h, late, untilAnswered } = await withLostSubmit(6);
    late.states = ['NOT THERE YET'];
    await untilAnswered();
    late.states = ['PENDING'];
    await h.pass(15_000);
    expect(late.states).toEqual(['CANCELLED']);
  });

  it('go up for a day from the first answer, though none was answered for longer before', async () => {
    const { h, answered, untilAnswered } = await withLostSubmit(1_000_000);
    await hours(h, 25);
    h.slurm.faults.clear();
    await untilAnswered();
    await hours(h, 30);
    expect(answered().length).toBeGreaterThan(24);
    expect(answered().length).toBeLessThan(32);
    expect(answered().at(-1)).toBeGreaterThan(24 * hourMs);
    expect(answered().at(-1)).toBeLessThan(26 * hourMs);
    expect(h.column('select count(*) from fences where done_at is null')).toEqual([0]);
  });

  it('begin to grow anew after one that was not answered, and end after a whole row of them', async () => {
    const { h, answered, untilAnswered } = await withLostSubmit(0);
    await untilAnswered();
    await h.pass(45_000);
    expect(answered()).toEqual([0, 10_000, 40_000]);
    h.slurm.faults.order('cancelByName', unanswered, 1_000_000);
    await hours(h, 26);
    h.slurm.faults.clear();
    await h.pass(110_000);
    const from = answered()[3] ?? 0;
    expect(from).toBeGreaterThan(25 * hourMs);
    await hours(h, 4);
    const again = answered().slice(3, 6);
    expect(again.map((atMs) => atMs - from)).toEqual([0, 10_000, 40_000]);
    expect(answered().slice(3)).toHaveLength(6);
    expect(h.column('select count(*) from fences where done_at is null')).toEqual([0]);
  });
});
