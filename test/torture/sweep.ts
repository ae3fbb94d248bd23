/**
 * The process dies at every effect that a scenario has, before it and after it, starts again, and the world is checked. Points are
 * found by running the scenario once without a crash.
 */

import type { Crashes, Side } from './mortal-process.ts';
import type { Scenario } from './scenarios.ts';
import { World } from './world.ts';

export interface Point {
  readonly index: number;
  readonly name: string;
}

export interface Files {
  readonly template: string;
  readonly databaseFile: string;
}

/** Dies once, at the n-th point, on one side; with none given it only counts. */
class CrashAt implements Crashes {
  /** Names by number: of all points, or of the one to die at. */
  readonly points = new Map<number, string>();
  readonly writers = new Set<string>();
  readonly #wanted: { readonly index: number; readonly side: Side } | null;
  #reached = 0;
  died = false;

  constructor(wanted: { readonly index: number; readonly side: Side } | null) {
    this.#wanted = wanted;
  }

  reach(name: () => string): number {
    const index = this.#reached;
    this.#reached += 1;
    if (this.#wanted === null || this.#wanted.index === index) this.points.set(index, name());
    return index;
  }

  diesAt(point: number, side: Side): boolean {
    if (this.died || this.#wanted?.side !== side || this.#wanted.index !== point) return false;
    this.died = true;
    return true;
  }

  writes(name: () => string): void {
    if (this.#wanted === null) this.writers.add(name());
  }
}

async function play(scenario: Scenario, files: Files, crashes: CrashAt): Promise<readonly string[]> {
  const world = new World({ ...files, crashes, slots: scenario.slots });
  try {
    await scenario.play(world, async (count = 1) => {
      for (let left = count; left > 0; left -= 1) {
        world.start();
        await world.step();
      }
    });
    await world.quiet();
    return world.invariants.history.violations;
  } finally {
    world.end();
  }
}

/** Runs without a crash. @returns every point, in its order, and every function of the store that wrote. */
export async function findPoints(
  scenario: Scenario,
  files: Files,
): Promise<{ points: readonly Point[]; writers: ReadonlySet<string>; violations: readonly string[] }> {
  const crashes = new CrashAt(null);
  const violations = await play(scenario, files, crashes);
  return {
    points: [...crashes.points].map(([index, name]) => ({ name, index })),
    writers: crashes.writers,
    violations,
  };
}

/** @returns what did not hold. @throws Error when the process did not die: the scenario is not the same each time. */
export async function crashAt(
  scenario: Scenario,
  files: Files,
  point: Point,
  side: Side,
): Promise<readonly string[]> {
  const crashes = new CrashAt({ index: point.index, side });
  const violations = await play(scenario, files, crashes);
  const found = crashes.points.get(point.index);
  if (!crashes.died || found !== point.name) {
    throw new Error(
      `the point ${point.index} is ${found ?? 'not there'} and not ${point.name}: the scenario differs each time`,
    );
  }
  return violations;
}
