/**
 * How many calls go to another system at once: few when a burst begins, and one more with every few that it takes. So what it refuses,
 * or is slow to take, meets few of them before that is known.
 */
export class AtOnce {
  static readonly first = 8;
  /** slurmrestd took 776 submits a second at 32 and 555 at 8 (26.05, two CPUs, medians of five rounds). */
  static readonly most = 32;
  /** Calls in a row for one more; after a slow one it takes longer. */
  static readonly #inARow = { atFirst: 3, afterSlow: 10 };

  #count = AtOnce.first;
  #good = 0;
  #needed = AtOnce.#inARow.atFirst;

  get count(): number {
    return this.#count;
  }

  /** A burst begins: what was true of the last one need not be of this one. */
  begin(): void {
    this.#count = Math.min(this.#count, AtOnce.first);
  }

  noteGood(): void {
    this.#good += 1;
    if (this.#good < this.#needed || this.#count >= AtOnce.most) return;
    this.#good = 0;
    this.#count += 1;
    if (this.#count >= AtOnce.first) this.#needed = AtOnce.#inARow.atFirst;
  }

  /** Half as many, down to one. */
  noteSlow(): void {
    this.#good = 0;
    this.#needed = AtOnce.#inARow.afterSlow;
    this.#count = Math.max(1, Math.floor(this.#count / 2));
  }

  /** It was not slow, and it says nothing of what could be taken. */
  noteRefused(): void {
    this.#good = 0;
    this.begin();
  }
}
