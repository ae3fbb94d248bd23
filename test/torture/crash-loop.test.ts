/** A service that dies over each submit, is started again at once, and makes no more Slurm jobs for it. */
import { describe, expect, it } from 'vitest';
import { inFolder } from './answer-order.ts';
import { type Crashes, noCrashes, type Side } from './mortal-process.ts';
import { World } from './world.ts';

/** Dies each time that Slurm has taken a submit, and before its answer is written, for as long as it is armed. */
class DiesAfterSubmits implements Crashes {
  readonly write = noCrashes.write;
  readonly rolledBack = noCrashes.rolledBack;
  left = Number.POSITIVE_INFINITY;
  #point = 0;
  #submit = -1;

  reach({ what }: { readonly what: string }): number {
    this.#point += 1;
    if (what === 'slurm.submit') this.#submit = this.#point;
    return this.#point;
  }

  diesAt(point: number, side: Side): boolean {
    if (side !== 'after' || point !== this.#submit || this.left === 0) return false;
    this.left -= 1;
    return true;
  }
}

/** As many steps as the time has, the service started again at each. @returns Slurm jobs of ours, ever. */
async function pass(world: World, ms: number, stepMs: number, started?: () => void): Promise<number> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    world.service.bury();
    world.service.start();
    started?.();
    await world.step(stepMs);
  }
  return [...world.slurm.jobs.values()].filter((job) => world.invariants.isOurs(job)).length;
}

describe('a service that dies after each submit', () => {
  it.each([
    // Three, and one after each of one, two and four minutes.
    { queued: 1, ms: 10 * 60_000, stepMs: 5_000, most: 6 },
    { queued: 1, ms: 60_000, stepMs: 1_000, most: 3 },
    { queued: 8, ms: 60_000, stepMs: 1_000, most: 24 },
  ])('makes $most Slurm jobs at most for $queued jobs in $ms ms', ({ queued, ms, stepMs, most }) =>
    inFolder(async (files) => {
      const world = new World({ ...files, crashes: new DiesAfterSubmits() });
      try {
        world.hub.queue(queued);
        const made = await pass(world, ms, stepMs);
        expect(made).toBeGreaterThan(0);
        expect(made).toBeLessThanOrEqual(most);
        expect(world.invariants.history.violations).toEqual([]);
      } finally {
        world.end();
      }
    }),
  );

  it('and forgets what failed: the fuse counts on, twelve for one job', () =>
    inFolder(async (files) => {
      const world = new World({ ...files, crashes: new DiesAfterSubmits() });
      try {
        world.hub.queue(1);
        const forget = (): void => world.service.process?.execute('delete from pool_health');
        expect(await pass(world, 60_000, 1_000, forget)).toBe(12);
        expect(await pass(world, 60_000, 1_000, forget)).toBe(24);
        expect(world.invariants.history.violations).toEqual([]);
      } finally {
        world.end();
      }
    }));

  it('once: nothing rests, and the next one goes out as soon as the first is fenced', () =>
    inFolder(async (files) => {
      const crashes = new DiesAfterSubmits();
      crashes.left = 1;
      const world = new World({ ...files, crashes });
      try {
        world.hub.queue(1);
        expect(await pass(world, 20_000, 5_000)).toBe(2);
        expect(world.service.query('select * from pool_health')).toEqual([]);
        await world.quiet();
        expect(world.invariants.history.violations).toEqual([]);
      } finally {
        world.end();
      }
    }));
});
