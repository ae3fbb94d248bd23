/** One process that searches: schedules of one seed after another until something does not hold, or until there were enough. */
import { answerOrder } from './answer-order.ts';
import type { WorldEvent } from './events.ts';
import { playSeed, type Violation } from './play-seed.ts';
import type { Kind } from './schedule.ts';
import { count, nothingPlayed, type Tally } from './tally.ts';

export interface Hunt {
  readonly firstSeed: number;
  /** The next seed is so much more: others take those between. */
  readonly step: number;
  readonly schedules: number;
  readonly shrink: boolean;
  /** Kinds of events that schedules are made of; absent: all. */
  readonly kinds?: readonly Kind[] | undefined;
  /** What one of its sentences has to be like; absent: any violation is one. */
  readonly like?: RegExp | undefined;
}

export interface Found {
  /** Schedules, without those of shrinking. */
  readonly schedules: number;
  readonly violation: Violation | null;
  /** Shrinking included. */
  readonly tally: Tally;
}

answerOrder<Hunt, Found>(async (files, { firstSeed, step, schedules, shrink, kinds, like = /./s }) => {
  const tally = nothingPlayed();
  const onLife = (events: readonly WorldEvent[]): void => count(tally, events);
  for (let played = 0; played < schedules; played += 1) {
    const violation = await playSeed(files, firstSeed + played * step, { shrink, kinds, onLife });
    if (violation?.sentences.some((sentence) => like.test(sentence)))
      return { schedules: played + 1, violation, tally };
  }
  return { schedules, violation: null, tally };
});
