/** The primary limit of the one token: points used in the current hour. */
const hourMs = 3_600_000;

export class RateAccount {
  readonly limit: number;
  readonly #wallMs: () => number;
  #resetAtMs: number;
  used = 0;
  /** Over all hours. */
  total = 0;

  constructor(limit: number, wallMs: () => number) {
    this.limit = limit;
    this.#wallMs = wallMs;
    this.#resetAtMs = wallMs() + hourMs;
  }

  /** False when the limit is used up. */
  spend(): boolean {
    this.#turn();
    if (this.used >= this.limit) return false;
    this.used += 1;
    this.total += 1;
    return true;
  }

  /** A 304 costs nothing. */
  giveBack(): void {
    this.used -= 1;
    this.total -= 1;
  }

  state() {
    this.#turn();
    return {
      limit: this.limit,
      used: this.used,
      remaining: this.limit - this.used,
      reset: Math.floor(this.#resetAtMs / 1_000),
    };
  }

  #turn(): void {
    if (this.#wallMs() < this.#resetAtMs) return;
    this.#resetAtMs = this.#wallMs() + hourMs;
    this.used = 0;
  }
}
