/** When registrations are compared: at the start and hourly, and at growing intervals while that fails. */
import { expect, it } from 'vitest';
import { Harness } from './harness.ts';
import { gitHubFailures } from './in-process-github.ts';

it('a list that fails is asked for again after 10 s, 30 s, two minutes, ten, and so on, never in a loop', async () => {
  const h = new Harness();
  h.github.faults.order('runners', { kind: 'before', error: gitHubFailures.unavailable() }, 1_000);
  const times: number[] = [];
  const { runners } = h.github;
  h.github.runners = (...given) => {
    times.push(h.clock.monotonicMs());
    return runners.apply(h.github, given);
  };
  await h.tick();
  const [first = 0] = times;
  await h.pass(1_600_000);
  const seconds = [0, 10, 40, 160, 760, 770, 800, 920, 1_520, 1_530, 1_560];
  expect(times.map((atMs) => (atMs - first) / 1_000)).toEqual(seconds);
  h.github.faults.clear();
  await h.pass(3_600_000);
  // The two that are left of the row, and the next in an hour.
  expect(times.length).toBe(seconds.length + 2);
});
