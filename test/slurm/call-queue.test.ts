import { describe, expect, it } from 'vitest';
import { CallQueue, mostAtOnce } from '../../src/slurm/call-queue.ts';
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
  it('has a bound', async () => {
    const { calling } = queue();
    let [now, most] = [0, 0];
    const held = Promise.withResolvers<void>();
    const all = Array.from({ length: 50 }, () =>
      calling.run(calls.submit, async () => {
        now += 1;
        most = Math.max(most, now);
        await held.promise;
        now -= 1;
      }),
    );
    await flush();
    held.resolve();
    await Promise.all(all);
    expect(most).toBe(mostAtOnce);
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
    for (let call = 0; call < 200; call += 1) await take(20);
    expect(calling.atOnce).toBe(mostAtOnce);
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
