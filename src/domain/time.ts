/**
 * The two clocks. Durations are measured on the monotonic one, which no operator and no NTP step can move;
 * wall time is for display, for what GitHub states, and across restarts.
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
