/** One life of the world: a schedule, then quiet. */
import type { WorldEvent } from './events.ts';
import { happen } from './events.ts';
import type { Crashes, Side } from './mortal-process.ts';
import type { ServiceOptions } from './service-life.ts';
import type { Files } from './sweep.ts';
import { World } from './world.ts';

/** Dies at the point that is so many from now, when a schedule says so. */
export class ScheduledCrash implements Crashes {
  #reached = 0;
  #wanted: { readonly point: number; readonly side: Side } | null = null;

  order(point: number, side: Side): void {
    this.#wanted = { point: this.#reached + point, side };
  }

  clear(): void {
    this.#wanted = null;
  }

  reach(): number {
    this.#reached += 1;
    return this.#reached - 1;
  }

  diesAt(point: number, side: Side): boolean {
    if (this.#wanted?.point !== point || this.#wanted.side !== side) return false;
    this.#wanted = null;
    return true;
  }

  write(): void {
    // Places are the sweep's.
  }

  rolledBack(): void {
    // It dies at the next one.
  }
}

/** @returns what did not hold. */
export async function live(
  files: Files,
  events: readonly WorldEvent[],
  options: Pick<ServiceOptions, 'keepsClock'> = {},
): Promise<readonly string[]> {
  const crashes = new ScheduledCrash();
  const world = new World({ ...files, ...options, crashes, slots: 3 });
  try {
    world.service.start();
    for (const event of events) {
      await happen(world, event, (point, side) => crashes.order(point, side));
      await world.step();
    }
    crashes.clear();
    await world.quiet();
    return world.invariants.history.violations;
  } finally {
    world.end();
  }
}
