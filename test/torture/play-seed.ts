import fc from 'fast-check';
import type { WorldEvent } from './events.ts';
import { live } from './live.ts';
import { type Kind, scheduleOf } from './schedule.ts';
import type { Files } from './sweep.ts';

export interface Violation {
  /** TORTURE_SEED=seed plays it again, where all kinds of events were in it. */
  readonly seed: number;
  /** The schedule, as short as it was made. */
  readonly events: string;
  readonly sentences: readonly string[];
}

export interface SeedOptions {
  /** Looks for the shortest schedule that breaks the same; takes a hundred lives more. */
  readonly shrink: boolean;
  /** Kinds of events that the schedule is made of; absent: all. */
  readonly kinds?: readonly Kind[] | undefined;
  /** Told of each life, those of shrinking included. */
  readonly onLife?: (events: readonly WorldEvent[]) => void;
}

/** Plays the schedule that the seed stands for, and no other. @returns null when all held. */
export async function playSeed(
  files: Files,
  seed: number,
  { shrink, kinds, onLife }: SeedOptions,
): Promise<Violation | null> {
  const broken = new Map<string, readonly string[]>();
  const result = await fc.check(
    fc.asyncProperty(scheduleOf(kinds), async (events) => {
      onLife?.(events);
      const sentences = await live(files, events).catch((error: Error) => [`it ended with ${error.stack}`]);
      if (sentences.length > 0) broken.set(JSON.stringify(events), [...new Set(sentences)]);
      return sentences.length === 0;
    }),
    { seed, numRuns: 1, endOnFailure: !shrink },
  );
  const [shortest] = result.counterexample ?? [];
  if (shortest === undefined) return null;
  const events = JSON.stringify(shortest);
  return { seed, events, sentences: broken.get(events) ?? [] };
}
