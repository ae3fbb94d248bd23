/** How far back submits are counted, in milliseconds. */
export const fuseWindowMs = 60_000;
/** Beyond two for each job: room for failures that are no loop. */
const spare = 10;

interface Submit {
  readonly atMs: number;
  /** The workflow job on whose behalf it was; null where an earlier version did not say. */
  readonly jobId: number | null;
}

/**
 * The last line against a loop that nobody foresaw: in any minute a pool submits at most twice for each job that was queued in it,
 * and a few more. Times are monotonic. A start notes what the database has of the minute before: see recover.ts.
 */
export class SubmitFuse {
  readonly #submits = new Map<string, Submit[]>();

  noteSubmit(pool: string, submit: Submit): void {
    const known = this.#submits.get(pool);
    if (known === undefined) this.#submits.set(pool, [submit]);
    else known.push(submit);
  }

  /** How many submits are left to the pool in this minute. Those that it had tell of the jobs that were queued for them. */
  room(pool: string, queued: readonly { readonly id: number }[], nowMs: number): number {
    const recent = this.#recent(pool, nowMs);
    const least = 2 * queued.length + spare - recent.length;
    // More than can be wanted: no need to know which jobs those were.
    if (least >= queued.length) return least;
    const jobs = new Set(queued.map(({ id }) => id));
    for (const { jobId } of recent) if (jobId !== null) jobs.add(jobId);
    return Math.max(0, 2 * jobs.size + spare - recent.length);
  }

  #recent(pool: string, nowMs: number): readonly Submit[] {
    const kept = (this.#submits.get(pool) ?? []).filter(({ atMs }) => atMs > nowMs - fuseWindowMs);
    if (kept.length === 0) this.#submits.delete(pool);
    else this.#submits.set(pool, kept);
    return kept;
  }
}
