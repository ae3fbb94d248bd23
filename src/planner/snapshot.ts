/** What the planner decides on: plain data, taken from the store and the last observations at one moment. */
import type { Pool, PoolKey } from '../domain/pool.ts';

export interface PlannedAllocation {
  readonly id: string;
  readonly state: 'submitting' | 'pending' | 'claimed' | 'busy' | 'releasing';
  /** Milliseconds since the Unix epoch. */
  readonly createdAtMs: number;
  /** Held, suspended or completing: no supply, but it still counts for the caps. */
  readonly stuck: boolean;
  /** Slurm has started it. */
  readonly started: boolean;
  /** Its submit is under way: neither its id nor a refusal is known yet. */
  readonly inFlight: boolean;
  /** The workflow job on whose behalf it was made; null where an earlier version did not say. */
  readonly madeForJobId: number | null;
}

export interface QueuedJob {
  readonly id: number;
  readonly repository: string;
  readonly createdAtMs: number;
  /** Nothing may be submitted for it, after attempts that started nothing; null when it may. */
  readonly rest: Rest | null;
}

export interface Rest {
  readonly reason: string;
  /** Milliseconds since the Unix epoch; null while its last attempt is not over. */
  readonly untilMs: number | null;
}

export interface PoolSnapshot {
  readonly pool: Pool;
  /** Oldest first. */
  readonly queued: readonly QueuedJob[];
  /** Everything that has not ended, oldest first. */
  readonly allocations: readonly PlannedAllocation[];
  /**
   * Runners that started, busy or already ended, whose job no listing has shown yet, and lost submits that Slurm has not
   * been seen to forget. Busy ones among them are in `allocations` too.
   */
  readonly unconfirmed: number;
  /** Lost submits among them: Slurm may have their jobs, so they take room under the caps. */
  readonly inDoubt: number;
  /** The scope's last observation failed, or there was none yet: neither submits nor releases. */
  readonly stale: boolean;
  /** Why nothing may be submitted now; null when it may. */
  readonly blocked: string | null;
  /** How many submits the pool may have after failures; Infinity when it is in good health. */
  readonly probes: number;
  /** Submits that are left to the pool in this minute, whatever happens. */
  readonly allowance: number;
  readonly maxAllocations: number;
  /** Monotonic milliseconds since when supply has exceeded demand; null when it does not. */
  readonly surplusSinceMs: number | null;
}

export interface Snapshot {
  readonly pools: readonly PoolSnapshot[];
  readonly limits: {
    readonly maxAllocations: number;
    readonly maxPerRepository: number;
    /** Slurm jobs that Slurm has not started yet. */
    readonly maxPending: number;
    readonly surplusGraceMs: number;
  };
}

export type Action =
  | {
      readonly kind: 'submit';
      readonly pool: Pool;
      /** On whose behalf, for the cap on attempts; GitHub decides which job its runner gets. */
      readonly jobId: number;
    }
  | {
      readonly kind: 'release';
      readonly allocationId: string;
      readonly from: 'submitting' | 'pending' | 'claimed';
      readonly poolKey: PoolKey;
    };
