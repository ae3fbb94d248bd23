/** One process of `npm run torture`: its share of the sweep, then random schedules until the time is over. */
import { answerOrder } from './answer-order.ts';
import type { WorldEvent } from './events.ts';
import { playSeed } from './play-seed.ts';
import { type SweepShare, type Swept, sweep } from './sweep.ts';

export interface Done {
  readonly swept: Swept;
  schedules: number;
  events: number;
  faults: number;
  crashes: number;
  /** Sentences, with what replays them. */
  readonly violations: string[];
}

const faulty: ReadonlySet<WorldEvent['kind']> = new Set([
  'slurm',
  'github',
  'loseAnswers',
  'breakRunners',
  'nodeFail',
  'flagRequeued',
  'requeue',
  'forget',
  'reuse',
  'deleteRunner',
  'restore',
  'lag',
  'stopSlurm',
  'stopGitHub',
  'refuse',
]);

answerOrder<SweepShare, Done>(async (files, share) => {
  const swept = await sweep(files, share);
  const done: Done = { swept, schedules: 0, events: 0, faults: 0, crashes: 0, violations: [] };
  while (Date.now() < share.untilMs) {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const violation = await playSeed(files, seed, {
      shrink: true,
      onLife: (events) => {
        done.schedules += 1;
        done.events += events.length;
        done.faults += events.filter(({ kind }) => faulty.has(kind)).length;
        done.crashes += events.filter(({ kind }) => kind === 'kill' || kind === 'crashAt').length;
      },
    });
    if (violation !== null)
      done.violations.push(`TORTURE_SEED=${seed}: ${violation.sentences.join('; ')}: ${violation.events}`);
  }
  return done;
});
