/**
 * The time of what this service writes down of its own doings: wall time as it was when the process started, and evenly on from
 * there. Whoever sets the wall clock while the process lives changes no age and no due time. Between two processes
 * there is only the wall clock: `bound-times.ts` keeps what it did from lasting.
 */
import type { Clock } from './time.ts';

/** There is no `wallMs` here, so that each use says which of the two it means. */
export interface SteadyClock {
  /** Milliseconds since an arbitrary start; never goes back. For what this process alone remembers. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch, as a whole number; never goes back. For what is written down. */
  steadyMs(): number;
  /** Milliseconds since the Unix epoch as the wall clock has it. Only beside times that others state, and for people. */
  calendarMs(): number;
  /** By how much the wall clock was set since the start, in milliseconds, to the second. */
  jumpMs(): number;
  /** What the wall clock will show, or would have shown, at a steady time. */
  onCalendar(steadyMs: number): number;
}

export function steadyClock(clock: Clock): SteadyClock {
  const offsetMs = clock.wallMs() - clock.monotonicMs();
  const steadyMs = (): number => Math.round(clock.monotonicMs() + offsetMs);
  // The two clocks are not read at one instant.
  const jumpMs = (): number => Math.round((clock.wallMs() - steadyMs()) / 1_000) * 1_000;
  return {
    monotonicMs: () => clock.monotonicMs(),
    steadyMs,
    calendarMs: () => clock.wallMs(),
    jumpMs,
    onCalendar: (ms) => ms + jumpMs(),
  };
}
