/** One process of `npm run torture`: its share of the sweep, then random schedules until the time is over. */
import { answerOrder } from './answer-order.ts';
import { playSeed } from './play-seed.ts';
import { type SweepShare, type Swept, sweep } from './sweep.ts';
import { count, nothingPlayed, type Tally } from './tally.ts';

export interface Done {
  readonly swept: Swept;
  readonly tally: Tally;
  /** Sentences, with what replays them. */
  readonly violations: string[];
}

answerOrder<SweepShare, Done>(async (files, share) => {
  const swept = await sweep(files, share);
  const done: Done = { swept, tally: nothingPlayed(), violations: [] };
  while (Date.now() < share.untilMs) {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const violation = await playSeed(files, seed, {
      shrink: true,
      onLife: (events) => count(done.tally, events),
    });
    if (violation !== null)
      done.violations.push(`TORTURE_SEED=${seed}: ${violation.sentences.join('; ')}: ${violation.events}`);
  }
  return done;
});
