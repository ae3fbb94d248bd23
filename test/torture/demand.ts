/** How many jobs of each label GitHub has shown as queued, and in which order that changed: what the service may at most have seen. */
export class Demand {
  readonly #looks: { readonly atMs: number; readonly queued: ReadonlyMap<string, number> }[] = [];

  /** `labels`: of each job that is shown as queued now. @returns the number of this look, for `peak`. */
  note(atMs: number, labels: readonly string[]): number {
    const queued = new Map<string, number>();
    for (const label of labels) queued.set(label, (queued.get(label) ?? 0) + 1);
    return this.#looks.push({ atMs, queued }) - 1;
  }

  /** The most that were queued at any look from that one on. */
  peak(label: string, look: number): number {
    let peak = 0;
    for (let index = Math.max(0, look); index < this.#looks.length; index += 1)
      peak = Math.max(peak, this.#looks[index]?.queued.get(label) ?? 0);
    return peak;
  }

  /** The last look before that time, which is monotonic. */
  lookBefore(atMs: number): number {
    return Math.max(0, this.#firstSince(atMs) - 1);
  }

  /** The fewest that were queued at any look since. */
  leastSince(label: string, sinceMs: number): number {
    const looks = this.#looks.slice(this.#firstSince(sinceMs));
    return Math.min(...looks.map(({ queued }) => queued.get(label) ?? 0));
  }

  #firstSince(sinceMs: number): number {
    let index = this.#looks.length;
    while ((this.#looks[index - 1]?.atMs ?? Number.NEGATIVE_INFINITY) >= sinceMs) index -= 1;
    return index;
  }
}
