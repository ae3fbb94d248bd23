/**
 * Deletes history older than `database.keep`: one small batch a second while there is any, one table after the other, then a
 * rest. Losing the place at a restart costs a walk over what has to stay.
 */

import type { Connection } from '../store/connection.ts';
import {
  type PruneBatch,
  type PruneCursor,
  type Pruned,
  pruneAllocations,
  pruneCancels,
  pruneJobs,
  pruneRuns,
  pruneStart,
} from '../store/prune-rows.ts';
import type { Context } from './context.ts';

/** A start has more urgent things to do. */
const firstMs = 10_000;
const everyMs = 1_000;
const restMs = 3_600_000;
/** Measured with 300,000 allocations on disk: 7 ms in the median, 40 ms with a checkpoint; with 200 rows the median is 40 ms. */
const rowsAtOnce = 50;

const tables: readonly (readonly [string, (db: Connection, batch: PruneBatch) => Pruned])[] = [
  ['allocations', pruneAllocations],
  ['cancels', pruneCancels],
  ['jobs', pruneJobs],
  ['runs', pruneRuns],
];

export class Pruner {
  readonly #context: Context;
  /** Monotonic time of the next batch. */
  #dueMs: number;
  #table = 0;
  #after: PruneCursor = pruneStart;
  /** Rows of this walk, by table. */
  #deleted: Record<string, number> = {};

  constructor(context: Context) {
    this.#context = context;
    this.#dueMs = context.clock.monotonicMs() + firstMs;
  }

  /** Deletes the next batch, if it is time for it. */
  prune(): void {
    const { clock, config, store, log } = this.#context;
    const nowMs = clock.monotonicMs();
    const [name, prune] = tables[this.#table] ?? [];
    if (nowMs < this.#dueMs || name === undefined || prune === undefined) return;
    // A batch that fails is tried again after a rest.
    this.#dueMs = nowMs + restMs;
    // By both clocks: one that was wrong when the process started deletes nothing early.
    const untilMs = Math.min(clock.steadyMs(), clock.calendarMs()) - config.keepMs;
    const { deleted, next } = prune(store.db, { untilMs, limit: rowsAtOnce, after: this.#after });
    if (deleted > 0) this.#deleted[name] = (this.#deleted[name] ?? 0) + deleted;
    this.#after = next ?? pruneStart;
    if (next === null) this.#table += 1;
    if (this.#table < tables.length) {
      this.#dueMs = nowMs + everyMs;
      return;
    }
    if (Object.keys(this.#deleted).length > 0) log.info({ deleted: this.#deleted }, 'old history deleted');
    this.#table = 0;
    this.#deleted = {};
  }
}
