/** A list of runners may lack one that is there: nothing is concluded from that alone. */
import { describe, expect, it } from 'vitest';
import type { SimulatedRunner } from '../simulator/simulator-state.ts';
import { Harness } from './harness.ts';
import { gitHubFailures } from './in-process-github.ts';

/** One runner, which is asked about each minute from now on; with no other one, a partial list has nobody. */
async function quiet(how: 'online' | 'offline' | 'at work, which nobody sees') {
  const h = new Harness();
  const [job] = h.queue();
  await h.tick();
  const { runnerName, eventToken } = await h.startAndClaim(h.theJob());
  const runner = h.github.find(runnerName);
  if (runner === undefined || job === undefined) throw new Error('no runner was registered');
  runner.online = how !== 'offline';
  if (how === 'at work, which nobody sees') {
    h.github.lag(job);
    h.take(runnerName);
    h.controller.takeEvent(h.live()[0]?.id ?? '', eventToken, 'started');
  }
  await h.pass(100_000);
  return { h, runner };
}

const lack = (h: Harness, times: number) => h.github.faults.order('runners', { kind: 'partial' }, times);
const stateOf = (h: Harness) => h.rows()[0]?.state;
const remove = (h: Harness, runner: SimulatedRunner) => {
  h.github.state.runners.delete(runner.id);
};
const listed = (h: Harness) => h.github.faults.count('runners');

describe.each([
  ['online', 'claimed', 'registration-lost'],
  ['at work, which nobody sees', 'busy', 'completed'],
] as const)('a runner that is %s', (how, state, outcome) => {
  it('stays while one list lacks it, and the next one has it, again and again', async () => {
    const { h } = await quiet(how);
    for (let rounds = 0; rounds < 3; rounds += 1) {
      lack(h, 1);
      await h.pass(120_000);
    }
    expect(stateOf(h)).toBe(state);
    expect(h.github.faults.count('runner')).toBe(0);
  });

  it('stays for as long as it is found by its name, which is asked for from the second list on', async () => {
    const { h } = await quiet(how);
    const before = listed(h);
    lack(h, 5);
    await h.pass(300_000);
    expect(listed(h) - before).toBe(5);
    expect(stateOf(h)).toBe(state);
    expect(h.github.faults.count('runner')).toBe(2);
  });

  it('stays until a look by its name is answered, and is released when there is none', async () => {
    const { h, runner } = await quiet(how);
    remove(h, runner);
    h.github.faults.order('runner', { kind: 'before', error: gitHubFailures.unavailable() }, 2);
    await h.pass(180_000);
    expect(stateOf(h)).toBe(state);
    await h.pass(120_000);
    // Another one follows for its job.
    expect([...h.slurm.jobs.values()][0]?.states).toEqual(['CANCELLED']);
    expect(h.rows()[0]).toMatchObject({ state: 'ended', outcome });
  });
});

it('a runner that no list shows and that is online is not called one that never came', async () => {
  const { h } = await quiet('offline');
  const [runner] = h.github.state.runners.values();
  if (runner !== undefined) runner.online = true;
  lack(h, 8);
  await h.pass(420_000);
  expect(stateOf(h)).toBe('claimed');
  expect(h.theJob().states).toEqual(['RUNNING']);
});
