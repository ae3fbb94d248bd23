/**
 * One look a minute at the oldest pending allocation of each pool tells why it waits and when Slurm expects to start it.
 * A reason that no waiting cures releases it and counts against its pool.
 */
import { hopelessReason } from '../domain/pending-reason.ts';
import { findAllocation } from '../store/allocation-rows.ts';
import { liveAllocationsInBrief } from '../store/live-allocations.ts';
import { type Allocation, moveAllocation } from '../store/move-allocation.ts';
import type { Context } from './context.ts';
import { judge } from './look-up-job.ts';
import { strike } from './pool-health.ts';

const everyMs = 60_000;
/** Slurm needs a moment to say why. */
const firstLookMs = 10_000;

export class WaitingWatch {
  readonly #context: Context;
  /** Monotonic time of the last look, by pool. */
  readonly #lookedMs = new Map<string, number>();

  constructor(context: Context) {
    this.#context = context;
  }

  watch(): void {
    const { store, clock, effects, seen } = this.#context;
    const pools = new Set<string>();
    // Oldest first.
    for (const { id, pool, state } of liveAllocationsInBrief(store.db)) {
      if (state !== 'pending' || pools.has(pool)) continue;
      pools.add(pool);
      if (seen.phases.get(id) !== 'waiting') continue;
      const lookedMs = this.#lookedMs.get(pool);
      if (lookedMs !== undefined && clock.monotonicMs() - lookedMs < everyMs) continue;
      const row = findAllocation(store.db, id);
      if (row === undefined || clock.steadyMs() - (row.submittedAt ?? row.createdAt) < firstLookMs) continue;
      this.#lookedMs.set(pool, clock.monotonicMs());
      effects.run('slurm', `waiting:${id}`, () => this.#look(row));
    }
  }

  async #look(row: Allocation): Promise<void> {
    const { slurm, seen, log, store, clock } = this.#context;
    if (row.slurmJobId === null) return;
    try {
      const job = await slurm.job(row.slurmJobId, row.slurmUser);
      if (judge(this.#context, row.id, job) || job?.reason == null) return;
      seen.waiting.set(row.id, { reason: job.reason, expectedStartMs: job.expectedStartMs });
      const hopeless = hopelessReason(job.reason);
      if (hopeless === null) return;
      const nowMs = clock.steadyMs();
      const reason = `Slurm will never start it (${job.reason}): ${hopeless}. Mend the profile ${row.profile}.`;
      store.db.transaction((tx) => {
        const changes = { releaseOutcome: 'never-startable', releasingAt: nowMs, reason };
        if (
          moveAllocation(tx, {
            id: row.id,
            from: 'pending',
            to: 'releasing',
            atMs: nowMs,
            changes,
            detail: reason,
          })
        ) {
          strike(this.#context, tx, { ...row, stage: 'claim', reason, hopeless: true });
        }
      });
    } catch (error) {
      log.warn({ allocationId: row.id, err: error }, 'a waiting Slurm job can not be looked at');
    }
  }
}
