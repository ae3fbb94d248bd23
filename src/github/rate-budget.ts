/**
 * Makes the primary limit last. A fifth of it stays reserved for mutations: a runner must be had even when polling has
 * been costly. What GitHub tells to wait for is waited for here, without asking again.
 */
import type { Clock } from '../domain/time.ts';

export interface RateLimit {
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds since the Unix epoch. */
  readonly resetAtMs: number;
}

type Headers = Readonly<Record<string, string | number | undefined>>;

/** GitHub's own span: a reset that seems further away is one by a wall clock that is behind. */
const windowMs = 3_600_000;
const reservedShare = 0.2;
/** Weight of the newest poll in the average cost. */
const newest = 0.3;

export class RateBudget {
  readonly #clock: Clock;
  #limit: RateLimit | null = null;
  #averageCost = 0;
  #spent = 0;
  #blockedUntilMs = 0;
  #secondaryInARow = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get limit(): RateLimit | null {
    return this.#limit;
  }

  /** Milliseconds until calls make sense again; 0 when they do. */
  get waitMs(): number {
    return Math.max(0, this.#blockedUntilMs - this.#clock.monotonicMs());
  }

  /** Of every answer: GHES may have no such headers. */
  note(headers: Headers, costs: boolean): void {
    if (costs) this.#spent += 1;
    const [limit, remaining, reset] = ['limit', 'remaining', 'reset'].map((name) =>
      Number(headers[`x-ratelimit-${name}`] ?? NaN),
    );
    if (
      limit === undefined ||
      remaining === undefined ||
      reset === undefined ||
      Number.isNaN(limit + remaining + reset)
    )
      return;
    this.#limit = { limit, remaining, resetAtMs: reset * 1_000 };
  }

  /** A 403 or 429. Null when it is no matter of rates. @returns how long to wait, in milliseconds. */
  noteRefusal(headers: Headers, message: string): number | null {
    const retryAfter = Number(headers['retry-after'] ?? NaN);
    const usedUp =
      headers['x-ratelimit-remaining'] !== undefined && Number(headers['x-ratelimit-remaining']) === 0;
    if (Number.isNaN(retryAfter) && !usedUp && !/rate limit|abuse/i.test(message)) return null;
    const reset = this.#untilMs(Number(headers['x-ratelimit-reset'] ?? NaN) * 1_000);
    // Requests that were under way together are refused together: that is one refusal.
    const again = this.waitMs > 0;
    const secondary = again ? this.waitMs : Math.min(900_000, 60_000 * 2 ** this.#secondaryInARow);
    const waitMs = !Number.isNaN(retryAfter) ? retryAfter * 1_000 : usedUp && reset > 0 ? reset : secondary;
    if (!again) this.#secondaryInARow = Math.min(this.#secondaryInARow + 1, 8);
    this.#blockedUntilMs = Math.max(this.#blockedUntilMs, this.#clock.monotonicMs() + waitMs);
    return waitMs;
  }

  /** A poll of all repositories is over: what it cost goes into the average. */
  endPoll(): void {
    this.#averageCost = this.#averageCost * (1 - newest) + this.#spent * newest;
    this.#spent = 0;
  }

  /** A repository was read: GitHub's refusals are no row any more. */
  noteSuccess(): void {
    this.#secondaryInARow = 0;
  }

  /** Stretches the interval so that what may be spent on polls lasts until the reset. */
  pollDelayMs(leastMs: number): number {
    if (this.waitMs > 0) return Math.max(leastMs, this.waitMs);
    const limit = this.#limit;
    if (limit === null || this.#averageCost < 0.01) return leastMs;
    const untilResetMs = Math.max(0, this.#untilMs(limit.resetAtMs));
    const spendable = limit.remaining - limit.limit * reservedShare;
    if (spendable <= this.#averageCost) return Math.max(leastMs, untilResetMs);
    return Math.max(leastMs, (this.#averageCost * untilResetMs) / spendable);
  }

  #untilMs(resetAtMs: number): number {
    return Math.min(windowMs, resetAtMs - this.#clock.wallMs());
  }
}
