/** A list of runners may lack one that is there, or fail each time: nothing is concluded from that alone, and nothing waits for it. */
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
const fail = (h: Harness, call: 'runners' | 'runner') =>
  h.github.faults.order(call, { kind: 'before', error: gitHubFailures.unavailable() }, 10_000);
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

  it('stays while every list fails and a look by its name finds it, and is released when two looks find none', async () => {
    const { h, runner } = await quiet(how);
    fail(h, 'runners');
    await h.pass(300_000);
    expect(stateOf(h)).toBe(state);
    remove(h, runner);
    // One look in each minute.
    await h.pass(60_000);
    expect(stateOf(h)).toBe(state);
    await h.pass(60_000);
    expect(stateOf(h)).toBe('releasing');
    await h.pass(60_000);
    expect(h.rows()[0]).toMatchObject({ state: 'ended', outcome });
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

describe('while every list fails', () => {
  it('a runner that never comes online is given up as soon as with a list', async () => {
    const { h } = await quiet('offline');
    fail(h, 'runners');
    await h.pass(320_000);
    expect(h.rows()[0]).toMatchObject({ outcome: 'runner-never-online' });
  });

  it('it is asked for at growing intervals, with a look by name a minute, and each minute again once it is whole', async () => {
    const { h } = await quiet('online');
    fail(h, 'runners');
    const before = listed(h);
    for (let minutes = 0; minutes < 120; minutes += 1) await h.tick(60_000);
    expect(stateOf(h)).toBe('claimed');
    // After 2, 4, 8 and each 10 minutes, and the comparison of registrations: hourly, and then after 10 and 30 s, 2 and each 10 minutes.
    expect(listed(h) - before).toBeLessThanOrEqual(15 + 11);
    expect(h.github.faults.count('runner')).toBeLessThanOrEqual(120);
    expect(h.log.filter(({ message }) => message.startsWith('runners can not be listed'))).toHaveLength(14);
    h.github.faults.clear();
    for (let minutes = 0; minutes < 10; minutes += 1) await h.tick(60_000);
    expect(h.log.filter(({ message }) => message === 'runners can be listed again')).toHaveLength(1);
    const [lists, looks] = [listed(h), h.github.faults.count('runner')];
    for (let minutes = 0; minutes < 5; minutes += 1) await h.tick(60_000);
    expect([listed(h) - lists, h.github.faults.count('runner') - looks]).toEqual([5, 0]);
  });

  it('and every look by name, too: the allocation says so, until one is answered', async () => {
    const { h } = await quiet('online');
    const reasonOf = () => h.controller.state().allocations[0]?.reason;
    expect(reasonOf()).toBeUndefined();
    fail(h, 'runners');
    fail(h, 'runner');
    await h.pass(120_000);
    expect(stateOf(h)).toBe('claimed');
    expect(reasonOf()).toBe('GitHub does not say what its runner does: GitHub is in trouble');
    h.github.faults.clear();
    await h.pass(60_000);
    expect(reasonOf()).toBeUndefined();
  });

  it('what waits for a registration is looked after all the same', async () => {
    const { h } = await quiet('online');
    h.queue();
    await h.tick();
    const [, waiting] = h.slurm.jobs.values();
    if (waiting === undefined) throw new Error('nothing was submitted');
    h.slurm.start(waiting);
    h.github.faults.order('mint', { kind: 'before', error: gitHubFailures.refusedToken() });
    expect(await h.claim(waiting)).toMatchObject({ status: 503 });
    fail(h, 'runners');
    fail(h, 'runner');
    const looked = h.slurm.faults.count('job');
    for (let minutes = 0; minutes < 5; minutes += 1) await h.tick(60_000);
    expect(h.slurm.faults.count('job')).toBeGreaterThan(looked);
    for (let minutes = 0; minutes < 15; minutes += 1) await h.tick(60_000);
    expect(h.rows()[1]).toMatchObject({ state: 'ended', outcome: 'runner-never-online' });
    expect(h.rows()[1]?.reason).toMatch(/was told to ask again/);
  });
});
