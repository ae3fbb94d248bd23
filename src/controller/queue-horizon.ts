/** GitHub fails a job that has waited this long for a runner: it is no demand any more. */
const longestQueueMs = 24 * 3_600_000;

/** Jobs queued before this time (milliseconds since the Unix epoch) are no demand. */
export function queueHorizonMs(nowMs: number): number {
  return nowMs - longestQueueMs;
}
