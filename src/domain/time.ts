/**
 * The two clocks. Durations are measured on the monotonic one, which no operator and no NTP step can move;
 * wall time is for display and for what others state. What outlives the process has a clock of its own: steady-clock.ts.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  wallMs(): number;
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
