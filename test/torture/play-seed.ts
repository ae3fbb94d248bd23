import fc from 'fast-check';
import { schedule, type WorldEvent } from './events.ts';
import { live } from './live.ts';
import type { Files } from './sweep.ts';

export interface Violation {
  /** TORTURE_SEED=seed plays it again. */
  readonly seed: number;
  /** The schedule, as short as it was made. */
  readonly events: string;
  readonly sentences: readonly string[];
}

export interface SeedOptions {
  /** Looks for the shortest schedule that breaks the same; takes a hundred lives more. */
  readonly shrink: boolean;
  /** Told of each life, those of shrinking included. */
  readonly onLife?: (events: readonly WorldEvent[]) => void;
}

/** Plays the schedule that the seed stands for, and no other. @returns null when all held. */
export async function playSeed(
  files: Files,
  seed: number,
  { shrink, onLife }: SeedOptions,
): Promise<Violation | null> {
  const result = await fc.check(
    fc.asyncProperty(schedule, async (events) => {
      onLife?.(events);
      return (await live(files, events)).length === 0;
    }),
    { seed, numRuns: 1, endOnFailure: !shrink },
  );
  const [events] = result.counterexample ?? [];
  if (events === undefined) return null;
  const sentences = [...new Set(await live(files, events))];
  return { seed, events: JSON.stringify(events), sentences };
}
