/** Workflow jobs that rest, since nothing that was made for them started anything. */
import type { Scenario } from './scenario.ts';
import type { World } from './world.ts';

/** A runner that is silent for ten minutes is lost to GitHub: a crash may have left one at work. */
async function pass(minutes: number, world: World, step: () => Promise<void>): Promise<void> {
  for (let left = minutes; left > 0; left -= 1) {
    world.clock.advance(55_000);
    await step();
  }
}

export const restScenarios: readonly Scenario[] = [
  {
    name: 'a job that rests, is tried again, rests longer, and is served',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      world.faults.lackOnNodes(3);
      await step(6);
      await pass(11, world, step);
      await step(5);
      await pass(21, world, step);
      await step(3);
    },
  },
  {
    name: 'a batch script that hangs before it asks for its runner',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      await step(1);
      for (const job of world.cluster.running()) world.cluster.nodeOf(job.id)?.hang();
      await pass(62, world, step);
    },
  },
  {
    name: 'a job that rests, and gets the runner of another one',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      world.faults.lackOnNodes(2);
      await step(6);
      world.hub.queue(1);
      await step(4);
    },
  },
];
