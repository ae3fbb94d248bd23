/** Workflow jobs that rest, since nothing that was made for them started anything. */
import type { Scenario } from './scenario.ts';

export const restScenarios: readonly Scenario[] = [
  {
    name: 'a job that rests, is tried again, rests longer, and is served',
    slots: 1,
    async play(world, step) {
      world.hub.queue(1);
      world.faults.lackOnNodes(3);
      await step(6);
      world.clock.advance(11 * 60_000);
      await step(5);
      world.clock.advance(21 * 60_000);
      await step(3);
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
