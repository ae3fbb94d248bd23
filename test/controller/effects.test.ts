import { expect, it } from 'vitest';
import { Effects } from '../../src/controller/effects.ts';
import { AtOnce } from '../../src/domain/at-once.ts';
import { flush } from '../support/flush.ts';

const newEffects = () =>
  new Effects(
    (error) => {
      throw error;
    },
    { github: 2, mint: 2, mailbox: 2, accounting: 1 },
  );

/** @returns the most that were under way at once. */
async function burst(effects: Effects, side: 'slurm' | 'github', count: number, outcome?: false) {
  let [now, most] = [0, 0];
  for (let index = 0; index < count; index += 1)
    effects.run(side, `${side}:${index}`, async () => {
      now += 1;
      most = Math.max(most, now);
      await flush();
      now -= 1;
      return outcome;
    });
  await effects.idle();
  return most;
}

it('Slurm gets more at once while it takes them, and few again when the next burst begins', async () => {
  const effects = newEffects();
  expect(await burst(effects, 'slurm', 300)).toBe(AtOnce.most);
  expect(await burst(effects, 'slurm', AtOnce.first)).toBe(AtOnce.first);
});

it('what Slurm refuses is never more than the first few', async () => {
  const effects = newEffects();
  expect(await burst(effects, 'slurm', 300, false)).toBe(AtOnce.first);
});

it('GitHub gets as many as it is told to', async () => {
  expect(await burst(newEffects(), 'github', 50)).toBe(2);
});
