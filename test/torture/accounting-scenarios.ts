/** Slurm's accounting, which knows of an end late, or never. Without it, as in all other scenarios, what is due is given up in time. */
import type { Scenario } from './scenario.ts';
import type { World } from './world.ts';

/** Every job that is over has its record from now on. */
function keepAll({ slurm }: World): void {
  for (const job of slurm.jobs.values())
    slurm.keep(job, { states: job.states, node: 'node', exitCode: 0, peakMemoryMiB: 212 });
}

export const accountingScenarios: readonly Scenario[] = [
  {
    name: 'a record of accounting that is late',
    slots: 2,
    async play(world, step) {
      world.slurm.records = [];
      world.hub.queue(2);
      await step(12);
      keepAll(world);
      await step(6);
    },
  },
  {
    name: 'a job that accounting never hears of',
    slots: 1,
    async play(world, step) {
      world.slurm.records = [];
      world.hub.queue(1);
      await step(10);
      for (let left = 6; left > 0; left -= 1) {
        world.clock.advance(5 * 60_000);
        await step(1);
      }
    },
  },
];
