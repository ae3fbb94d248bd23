const windowMs = 60_000;
/** Beyond two for each job: room for failures that are no loop. */
const spare = 10;

/**
 * The last line against a loop that nobody foresaw: in any minute a pool submits at most twice for each job that was queued in it,
 * and a few more. Times are monotonic. A restart forgets, and each start has the room of one minute.
 */
export class SubmitFuse {
  readonly #submits = new Map<string, number[]>();
  readonly #arrivals = new Map<string, number[]>();

  noteSubmit(pool: string, nowMs: number): void {
    note(this.#submits, pool, nowMs);
  }

  noteArrival(pool: string, nowMs: number): void {
    note(this.#arrivals, pool, nowMs);
  }

  /** How many submits are left to the pool in this minute. */
  room(pool: string, queued: number, nowMs: number): number {
    const jobs = queued + recent(this.#arrivals, pool, nowMs);
    return Math.max(0, 2 * jobs + spare - recent(this.#submits, pool, nowMs));
  }
}

function note(times: Map<string, number[]>, pool: string, nowMs: number): void {
  const known = times.get(pool) ?? [];
  known.push(nowMs);
  times.set(pool, known);
}

function recent(times: Map<string, number[]>, pool: string, nowMs: number): number {
  const kept = (times.get(pool) ?? []).filter((atMs) => atMs > nowMs - windowMs);
  if (kept.length === 0) times.delete(pool);
  else times.set(pool, kept);
  return kept.length;
}
