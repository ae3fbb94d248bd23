import { expect } from 'vitest';
import type { BreakableProlog } from '../support/breakable-prolog.ts';
import type { World } from '../support/start-world.ts';
import { until } from '../support/until.ts';
import { conclusions, startWorkload } from '../support/workload.ts';

/** The Prolog of the only node fails: Slurm says CANCELLED, and no more of why. What runs there goes on. */
export async function prologFails({
  world,
  prolog,
}: {
  world: World;
  prolog: BreakableProlog;
}): Promise<void> {
  const work = await startWorkload(world);
  const running = await work.hold(1);
  prolog.break();
  const queued = work.queue(1, 'slurm-small');
  const ended = async () => (await work.allocations()).filter(({ state }) => state === 'ended');
  await until(async () => (await ended()).length > 0);
  const [failed] = await ended();
  expect(failed).toMatchObject({
    outcome: 'slurm:CANCELLED',
    reason: expect.stringMatching(/^Slurm job \d+ is CANCELLED: .* the Prolog of its node failed: see sinfo/),
  });
  // Where it says so.
  await until(async () => (await world.cluster.exec(['sinfo', '--list-reasons'])).stdout.includes('Prolog'));
  // One more, which waits for the node, and no loop of them.
  await until(async () => (await work.allocations()).some(({ state }) => state === 'pending'));
  expect(await ended()).toHaveLength(1);
  expect(running.stillRun()).toBe(true);
  await prolog.mend(world.cluster);
  await until(() => queued.every(({ conclusion }) => conclusion === 'success'), 60_000);
  expect(running.stillRun()).toBe(true);
  await running.open();
  expect(await work.finish()).toEqual([]);
  expect(conclusions([...running.jobs, ...queued])).toEqual(['success', 'success']);
  expect((await work.allocations()).map(({ outcome }) => outcome).toSorted()).toEqual([
    'completed',
    'completed',
    'slurm:CANCELLED',
  ]);
}
