/**
 * What was last seen of either side, and when, on the monotonic clock. A failed observation changes nothing but its
 * own failure: the last known demand and the last known states stay.
 */

import { messageOf } from '../domain/errors.ts';
import type { SlurmPhase } from '../domain/slurm-job-state.ts';
import type { WorkflowJob } from '../domain/workflow-job.ts';
import { PlannedRows } from './planned-rows.ts';
import { SubmitFuse } from './submit-fuse.ts';

export interface Failure {
  readonly message: string;
  /** Milliseconds since the Unix epoch. */
  readonly sinceMs: number;
}

interface ScopeView {
  /** Monotonic start of the last listing that succeeded; null before the first. */
  begunMs: number | null;
  failure: Failure | null;
}

export interface Waiting {
  readonly reason: string;
  readonly expectedStartMs: number | null;
}

export class Observations {
  readonly #scopes = new Map<string, ScopeView>();
  #kept: readonly { readonly id: string }[] = [];
  /** Of the last listing of Slurm that succeeded, by allocation. */
  readonly phases = new Map<string, SlurmPhase>();
  /** Listings in a row that lacked the allocation's Slurm job. */
  readonly absences = new Map<string, number>();
  /** Monotonic time since when an allocation's states have not gone with its row. */
  readonly oddSinceMs = new Map<string, number>();
  /** Why a pool's oldest pending allocation waits, by allocation. */
  readonly waiting = new Map<string, Waiting>();
  /** Why nobody can tell what the runner of a claimed or busy allocation does, by allocation. */
  readonly unanswered = new Map<string, string>();
  /** Allocations that Slurm ended otherwise than by COMPLETED, whose end nobody has looked at. */
  readonly endsToLookAt = new Set<string>();
  /** Monotonic times, by allocation, of what was seen since this process started. */
  readonly askedMs = new Map<string, number>();
  readonly startedMs = new Map<string, number>();
  readonly deregisteredMs = new Map<string, number>();
  readonly cancelRequestedMs = new Map<string, number>();
  readonly jobOverMs = new Map<string, number>();
  /** Monotonic time of the last mint whose outcome nobody knows, by scope. */
  readonly doubtfulMintMs = new Map<string, number>();
  /** Jobs that are on disk exactly so: an answer that has not changed hands back the same ones. */
  readonly recorded = new WeakSet<WorkflowJob>();
  /** Monotonic time since when supply has exceeded demand, by pool. */
  readonly surplusSinceMs = new Map<string, number>();
  /** Workflow jobs whose rest the log has told. */
  readonly resting = new Set<number>();
  readonly fuse = new SubmitFuse();
  readonly planned = new PlannedRows();
  slurm: { observed: boolean; failure: Failure | null } = { observed: false, failure: null };

  scope(repository: string): ScopeView {
    const known = this.#scopes.get(repository);
    if (known !== undefined) return known;
    const fresh: ScopeView = { begunMs: null, failure: null };
    this.#scopes.set(repository, fresh);
    return fresh;
  }

  /** Nothing is submitted or released for a scope whose last observation failed, or that had none. */
  isStale(repository: string): boolean {
    const { begunMs, failure } = this.scope(repository);
    return begunMs === null || failure !== null;
  }

  /** Forgets allocations that have ended. The same rows again have been seen to. */
  keepOnly(rows: readonly { readonly id: string }[]): void {
    if (rows === this.#kept) return;
    this.#kept = rows;
    const live = new Set(rows.map(({ id }) => id));
    const maps = [
      this.phases,
      this.absences,
      this.oddSinceMs,
      this.waiting,
      this.unanswered,
      this.askedMs,
      this.deregisteredMs,
      this.cancelRequestedMs,
      this.jobOverMs,
    ];
    for (const map of maps) {
      for (const id of map.keys()) if (!live.has(id)) map.delete(id);
    }
  }
}

/** Keeps the time of the first failure in a row. */
export function failureOf(error: unknown, nowMs: number, before: Failure | null): Failure {
  const message = messageOf(error);
  return { message, sinceMs: before?.sinceMs ?? nowMs };
}
