/** One process of `npm run torture`: its share of the sweep, then random schedules until the time is over, some of them for two services. */
import fc from 'fast-check';
import { answerOrder } from './answer-order.ts';
import { filesBeside, liveBeside, schedulesBeside } from './live-beside.ts';
import { playSeed } from './play-seed.ts';
import { type SweepShare, type Swept, sweep } from './sweep.ts';
import { count, nothingPlayed, type Tally } from './tally.ts';

export interface Done {
  readonly swept: Swept;
  readonly tally: Tally;
  /** Of the schedules for two services. */
  readonly beside: Tally;
  /** Sentences, with what replays them. */
  readonly violations: string[];
}

/** One schedule in so many is for two services. */
const besideEvery = 5;

answerOrder<SweepShare, Done>(async (files, share) => {
  const swept = await sweep(files, share);
  const done: Done = { swept, tally: nothingPlayed(), beside: nothingPlayed(), violations: [] };
  const both = filesBeside(files);
  let played = 0;
  while (Date.now() < share.untilMs) {
    const seed = Math.floor(Math.random() * 2 ** 31);
    played += 1;
    if (played % besideEvery === 0) {
      const result = await fc.check(
        fc.asyncProperty(schedulesBeside, async (events) => {
          count(
            done.beside,
            events.map(([, event]) => event),
          );
          const sentences = await liveBeside(both, events);
          if (sentences.length > 0) throw new Error([...new Set(sentences)].join('; '));
        }),
        { seed, numRuns: 1 },
      );
      if (result.failed)
        done.violations.push(`TORTURE_BESIDE_SEED=${seed}: ${fc.defaultReportMessage(result)}`);
      continue;
    }
    const violation = await playSeed(files, seed, {
      shrink: true,
      onLife: (events) => count(done.tally, events),
    });
    if (violation !== null)
      done.violations.push(`TORTURE_SEED=${seed}: ${violation.sentences.join('; ')}: ${violation.events}`);
  }
  return done;
});
