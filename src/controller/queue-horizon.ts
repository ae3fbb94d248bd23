import type { SteadyClock } from '../domain/steady-clock.ts';

/** GitHub fails a job that has waited this long for a runner: it is no demand any more. */
const longestQueueMs = 24 * 3_600_000;

/** Jobs that GitHub says were queued before this time (milliseconds since the Unix epoch) are no demand. */
export function queueHorizonMs(clock: Pick<SteadyClock, 'calendarMs'>): number {
  return clock.calendarMs() - longestQueueMs;
}
