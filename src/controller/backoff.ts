import type { Chance } from './chance.ts';

const firstMs = 1_000;
export const longestBackoffMs = 60_000;

/** Doubling from a second to a minute, with up to a fifth of jitter, so that many do not come back at once. */
export function backoffMs(attempts: number, chance: Chance): number {
  const whole = Math.min(longestBackoffMs, firstMs * 2 ** Math.min(attempts - 1, 16));
  return Math.round(whole * (0.8 + 0.2 * chance.fraction()));
}
