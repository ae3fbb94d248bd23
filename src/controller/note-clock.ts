import type { SteadyClock } from '../domain/steady-clock.ts';
import type { Log } from './log.ts';

/** A step of NTP's that nobody needs to know of. */
const fromMs = 5_000;

/** Says once of each time that somebody sets the wall clock: what is written down keeps the earlier reckoning. */
export class ClockNote {
  readonly #clock: SteadyClock;
  readonly #log: Log;
  #saidMs = 0;

  constructor({ clock, log }: { readonly clock: SteadyClock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  note(): void {
    const jumpMs = this.#clock.jumpMs();
    if (Math.abs(jumpMs - this.#saidMs) < fromMs) return;
    this.#saidMs = jumpMs;
    this.#log.warn(
      { seconds: jumpMs / 1_000 },
      'the wall clock was set since the start: no wait changes, and the times of events stay off by that much until a restart',
    );
  }
}
