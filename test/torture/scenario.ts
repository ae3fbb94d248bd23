import type { World } from './world.ts';

/** What happens in a sweep: it is run once for each of its points, so it is short; together they have every effect. */
export interface Scenario {
  readonly name: string;
  readonly slots: number;
  /** A step starts the service, if it is dead. */
  play(world: World, step: (count?: number) => Promise<void>): Promise<void>;
}
