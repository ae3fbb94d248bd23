import { describe, expect, it } from 'vitest';
import { AtOnce } from '../../src/domain/at-once.ts';
import { CallQueue } from '../../src/slurm/call-queue.ts';
import { calls } from '../../src/slurm/calls.ts';
import { flush } from '../support/flush.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function queue() {
  const clock = new VirtualClock();
  const calling = new CallQueue(clock);
  const take = (ms: number) =>
    calling.run(calls.submit, async () => {
      clock.advance(ms);
    });
  return { clock, calling, take };
}

describe('the call queue', () => {
  /** So many at once, as quickly as they get their turn. @returns the most that were under way. */
  const burst = async (
    calling: CallQueue,
    count: number,
    call = () => Promise.resolve(),
  ): Promise<number> => {
    let [now, most] = [0, 0];
    const all = Array.from({ length: count }, () =>
      calling
        .run(calls.submit, async () => {
          now += 1;
          most = Math.max(most, now);
          await flush();
          now -= 1;
          await call();
        })
        .catch(() => undefined),
    );
    await Promise.all(all);
    return most;
  };

  it('a burst begins with few, and gets more while they are quick, up to a bound; the next one begins anew', async () => {
    const { calling } = queue();
    expect(await burst(calling, AtOnce.first + 2)).toBeLessThan(AtOnce.first + 4);
    expect(await burst(calling, 500)).toBe(AtOnce.most);
    expect(calling.atOnce).toBe(AtOnce.most);
    expect(await burst(calling, AtOnce.first)).toBe(AtOnce.first);
    expect(calling.atOnce).toBeLessThan(AtOnce.first + 4);
  });

  it('calls that fail get no more at once', async () => {
    const { calling } = queue();
    expect(await burst(calling, 200, () => Promise.reject(new Error('refused')))).toBe(AtOnce.first);
  });

  it('halves with every call that slurmrestd makes wait, down to one, and grows while calls are quick', async () => {
    const { calling, take } = queue();
    const seen: number[] = [];
    for (let call = 0; call < 5; call += 1) {
      await take(1_000);
      seen.push(calling.atOnce);
    }
    expect(seen).toEqual([4, 2, 1, 1, 1]);
    for (let call = 0; call < 9; call += 1) await take(20);
    expect(calling.atOnce).toBe(1);
    await take(20);
    expect(calling.atOnce).toBe(2);
    // One at a time: no burst, and no reason for more.
    for (let call = 0; call < 200; call += 1) await take(20);
    expect(calling.atOnce).toBeLessThanOrEqual(AtOnce.first + 1);
  });

  it('a listing goes before the submits that wait', async () => {
    const { calling, take } = queue();
    for (let call = 0; call < 3; call += 1) await take(1_000);
    const order: string[] = [];
    const held = Promise.withResolvers<void>();
    const running = calling.run(calls.submit, () => held.promise);
    const note = (name: keyof typeof calls) =>
      calling.run(calls[name], async () => {
        order.push(name);
      });
    const waiting = [note('submit'), note('job'), note('states'), note('cancel')];
    held.resolve();
    await Promise.all([running, ...waiting]);
    expect(order).toEqual(['states', 'cancel', 'submit', 'job']);
  });

  it('a call that fails gives its place back', async () => {
    const { calling } = queue();
    const failing = Array.from({ length: 20 }, () =>
      calling.run(calls.submit, () => Promise.reject(new Error('no'))).catch(() => 'failed'),
    );
    expect(await Promise.all(failing)).toEqual(Array(20).fill('failed'));
  });
});
