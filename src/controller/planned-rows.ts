/**
 * Rows as the planner has them, kept from one turn to the next while they are the same: thousands, of which few change. What is made
 * anew each second is garbage each second, and to collect it costs more than all planning.
 */
import type { LiveState } from '../domain/allocation-state.ts';
import type { SlurmPhase } from '../domain/slurm-job-state.ts';
import type { PlannedAllocation, QueuedJob, Rest } from '../planner/snapshot.ts';
import type { LiveAllocation } from '../store/live-allocations.ts';
import type { QueuedJobRow } from '../store/workflow-job-rows.ts';

export class PlannedRows {
  #live: readonly LiveAllocation[] = [];
  readonly #allocations = new Map<LiveAllocation, PlannedAllocation>();
  readonly #jobs = new Map<QueuedJobRow, QueuedJob>();

  /** A turn begins. Rows that are read anew, since something was written, are others: see while-unchanged.ts. */
  begin(live: readonly LiveAllocation[]): void {
    if (live === this.#live) return;
    this.#live = live;
    this.#allocations.clear();
    this.#jobs.clear();
  }

  allocation(
    row: LiveAllocation,
    state: LiveState,
    phase: SlurmPhase | undefined,
    inFlight: boolean,
  ): PlannedAllocation {
    const stuck = phase === 'stuck';
    const started = phase === 'running';
    const known = this.#allocations.get(row);
    if (known?.stuck === stuck && known.started === started && known.inFlight === inFlight) return known;
    const { id, createdAt: createdAtMs, madeForJobId } = row;
    const made = { id, state, createdAtMs, stuck, started, inFlight, madeForJobId };
    this.#allocations.set(row, made);
    return made;
  }

  job(row: QueuedJobRow, rest: Rest | null): QueuedJob {
    const known = this.#jobs.get(row);
    if (known?.rest === rest) return known;
    const { id, repository, createdAt: createdAtMs } = row;
    const made = { id, repository, createdAtMs, rest };
    this.#jobs.set(row, made);
    return made;
  }
}
