/**
 * The process dies at every effect that a scenario has, before it and after it, starts again, and the world is checked. Points are
 * found by running the scenario once without a crash; each has the places in the source that ask for its effect, and for a commit
 * those that ask for what is written with it.
 */
import type { Asked, Crashes, Side } from './mortal-process.ts';
import type { Scenario } from './scenario.ts';
import { scenarios } from './scenarios.ts';
import { World } from './world.ts';

export const sides = ['before', 'after'] as const satisfies readonly Side[];

export interface Point {
  /** Among all that the process reaches. */
  readonly index: number;
  /** `slurm.submit at controller/submit.ts:81:34`. */
  readonly name: string;
  /** Places in the source, as in effect-sites.ts. */
  readonly places: readonly string[];
  /** Those that it comes to: a scenario may end the process while a call is under way. */
  readonly sides: readonly Side[];
}

export interface Files {
  readonly template: string;
  readonly databaseFile: string;
}

const nameOf = (what: string, places: readonly string[]): string =>
  `${what} at ${places.join(' < ') || 'no place'}`;

/** Counts, and remembers where effects are asked for. */
class Recording implements Crashes {
  readonly #points: {
    readonly name: string;
    isEffect: boolean;
    readonly places: Set<string>;
    readonly sides: Set<Side>;
  }[] = [];

  reach({ what, isEffect, places }: Asked): number {
    const at = isEffect ? places() : [];
    return this.#points.push({ name: nameOf(what, at), isEffect, places: new Set(at), sides: new Set() }) - 1;
  }

  write(point: number, places: () => readonly string[]): void {
    for (const place of places()) this.#points[point]?.places.add(place);
  }

  rolledBack(point: number): void {
    const it = this.#points[point];
    if (it !== undefined) it.isEffect = false;
  }

  diesAt(point: number, side: Side): boolean {
    this.#points[point]?.sides.add(side);
    return false;
  }

  get effects(): Point[] {
    return this.#points.flatMap(({ name, isEffect, places, sides: reached }, index) =>
      isEffect ? { index, name, places: [...places].sort(), sides: [...reached] } : [],
    );
  }
}

/** Dies once, at the n-th point, on one side. */
class CrashAt implements Crashes {
  readonly #index: number;
  readonly #side: Side;
  #reached = 0;
  died = false;
  /** What the point is this time. */
  found = 'not there';

  constructor(index: number, side: Side) {
    this.#index = index;
    this.#side = side;
  }

  reach({ what, places }: Asked): number {
    const index = this.#reached;
    this.#reached += 1;
    if (index === this.#index) this.found = nameOf(what, places());
    return index;
  }

  write(): void {
    // Known from the run without a crash.
  }

  rolledBack(): void {
    // The same.
  }

  diesAt(point: number, side: Side): boolean {
    if (this.died || point !== this.#index || side !== this.#side) return false;
    this.died = true;
    return true;
  }
}

async function play(scenario: Scenario, files: Files, crashes: Crashes): Promise<readonly string[]> {
  const world = new World({ ...files, crashes, slots: scenario.slots });
  try {
    await scenario.play(world, async (count = 1) => {
      for (let left = count; left > 0; left -= 1) {
        world.service.start();
        await world.step();
      }
    });
    await world.quiet();
    return world.invariants.history.violations;
  } finally {
    world.end();
  }
}

/** Runs without a crash. @returns every effect, in its order, and what did not hold. */
export async function findPoints(
  scenario: Scenario,
  files: Files,
): Promise<{ points: readonly Point[]; violations: readonly string[] }> {
  const recording = new Recording();
  const violations = await play(scenario, files, recording);
  return { points: recording.effects, violations };
}

/** @returns what did not hold. @throws Error when the process did not die: the scenario is not the same each time. */
export async function crashAt(
  scenario: Scenario,
  files: Files,
  point: Point,
  side: Side,
): Promise<readonly string[]> {
  const crashes = new CrashAt(point.index, side);
  const violations = await play(scenario, files, crashes);
  if (!crashes.died || crashes.found !== point.name) {
    throw new Error(
      `the point ${point.index} is ${crashes.found} and not ${point.name}: the scenario differs each time`,
    );
  }
  return violations;
}

interface Chosen {
  readonly scenario: Scenario;
  readonly point: Point;
}

/** Scenarios that an effect is tried in: what its crash meets differs, but not so often. */
const mostScenarios = 5;

/**
 * The same effect again and again, in polls that have nothing to do, is one: the first and the last of those with the same places, in
 * a few of the scenarios.
 */
function telling(found: readonly Chosen[]): Chosen[] {
  const alike = Map.groupBy(found, ({ point }) => [point.name.split(' ')[0], ...point.places].join());
  return [...alike.values()].flatMap((group) =>
    [...Map.groupBy(group, ({ scenario }) => scenario).values()]
      .slice(0, mostScenarios)
      .flatMap((same) => [...same.slice(0, 1), ...same.slice(1).slice(-1)]),
  );
}

export interface SweepShare {
  /** This process takes each point whose number modulo `workers` is `worker`. */
  readonly worker: number;
  readonly workers: number;
  /** Every point, or only those that are not the same as others. */
  readonly every: boolean;
  /** Wall-clock milliseconds: no crash begins later. */
  readonly untilMs: number;
}

export interface Swept {
  readonly scenarios: number;
  /** Of all scenarios, whoever takes them. */
  readonly points: number;
  crashes: number;
  /** Places of the source at whose effect the process has died, on each side. */
  readonly died: Readonly<Record<Side, Set<string>>>;
  /** Without those that others have, too. */
  readonly placesOfPoints: readonly (readonly string[])[];
  /** Sentences, with what replays them. */
  readonly violations: string[];
}

/** One process's share of all scenarios. */
export async function sweep(files: Files, { worker, workers, every, untilMs }: SweepShare): Promise<Swept> {
  const found: Chosen[] = [];
  const violations: string[] = [];
  for (const scenario of scenarios) {
    const alone = await findPoints(scenario, files);
    for (const what of alone.violations) violations.push(`"${scenario.name}", without a crash: ${what}`);
    for (const point of alone.points) found.push({ scenario, point });
  }
  const swept: Swept = {
    scenarios: scenarios.length,
    points: found.length,
    crashes: 0,
    died: { before: new Set(), after: new Set() },
    placesOfPoints: [...new Set(found.map(({ point }) => point.places.join()))].map((places) =>
      places.split(','),
    ),
    violations,
  };
  const chosen = every ? found : telling(found);
  for (const [index, { scenario, point }] of chosen.entries()) {
    if (index % workers !== worker) continue;
    for (const side of point.sides) {
      if (Date.now() > untilMs) return swept;
      swept.crashes += 1;
      for (const what of await crashAt(scenario, files, point, side))
        violations.push(`"${scenario.name}", ${side} ${point.name} (${point.index}): ${what}`);
      for (const place of point.places) swept.died[side].add(place);
    }
  }
  return swept;
}
