/** When registrations are compared: at the start and hourly, and at growing intervals while that fails. */
import { expect, it } from 'vitest';
import { Harness } from './harness.ts';
import { gitHubFailures } from './in-process-github.ts';

it('a list that fails is asked for again after 10 s, 30 s, two minutes, and then every ten, never in a loop', async () => {
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
  await h.pass(3_200_000);
  const seconds = [0, 10, 40, 160, 760, 1_360, 1_960, 2_560, 3_160];
  expect(times.map((atMs) => (atMs - first) / 1_000)).toEqual(seconds);
  h.github.faults.clear();
  await h.pass(3_600_000);
  // The one that is due, and the next an hour later.
  expect(times.length).toBe(seconds.length + 1);
  await h.pass(700_000);
  expect(times.length).toBe(seconds.length + 2);
});
