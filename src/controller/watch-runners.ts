/**
 * Runners that say nothing: claimed ones without a start, and started ones whose job no listing shows. Once a minute, while there
 * is any of that kind, GitHub is asked which is online, which is busy, which never came, and which is a ghost: a process that goes
 * on although its registration is gone, and would hold its Slurm job until the time limit (runner-search.ts). And batch scripts that
 * say nothing: those that run and never ask for their runner, and those that were told to ask again, and don't.
 */
import type { Outcome } from '../domain/allocation-state.ts';
import { findAllocation, updateAllocation } from '../store/allocation-rows.ts';
import { liveAllocationsInBrief, quietAllocations } from '../store/live-allocations.ts';
import { type Allocation, moveAllocation } from '../store/move-allocation.ts';
import {
  findRunner,
  markOnline,
  openRunnerStates,
  openRunnersOf,
  type RunnerRow,
} from '../store/runner-rows.ts';
import type { Context } from './context.ts';
import { lookUpJob } from './look-up-job.ts';
import { type Found, RunnerSearch } from './runner-search.ts';

const quietMs = 90_000;
const everyMs = 60_000;
/** A runner that is not online this long after its claim never will be. */
const neverOnlineMs = 5 * 60_000;
/** What a script that has given up may take to end. */
const exitMs = 60_000;
/** An image that another job pulls, one of its own, and a dockerd: before the script begins to ask. */
const preparationMs = 45 * 60_000;

export class RunnerWatch {
  readonly #context: Context;
  /** Monotonic time of the last look, by scope. */
  readonly #lookedMs = new Map<string, number>();
  readonly #searches = new Map<string, RunnerSearch>();
  /** Monotonic time since when a pending allocation's Slurm job has been seen to run. */
  readonly #runsSinceMs = new Map<string, number>();

  constructor(context: Context) {
    this.#context = context;
  }

  watch(): void {
    this.#watchScripts();
    const { store, clock, seen } = this.#context;
    const quiet = quietAllocations(store.db, clock.steadyMs() - quietMs);
    const ids = new Set(quiet.map(({ id }) => id));
    for (const id of seen.unanswered.keys()) if (!ids.has(id)) seen.unanswered.delete(id);
    for (const [scope, rows] of Map.groupBy(quiet, (row) => row.scope)) {
      const lookedMs = this.#lookedMs.get(scope);
      if (lookedMs !== undefined && clock.monotonicMs() - lookedMs < everyMs) continue;
      this.#lookedMs.set(scope, clock.monotonicMs());
      this.#look(scope, rows);
    }
  }

  /** A script gives up by itself when nobody answers its claims: one that is still there has hung, or lost its runner to a restore. */
  #watchScripts(): void {
    const { store, clock, config, seen } = this.#context;
    const nowMs = clock.monotonicMs();
    const running = new Set<string>();
    for (const { id, state } of liveAllocationsInBrief(store.db)) {
      if (state !== 'pending' || seen.phases.get(id) !== 'running') continue;
      running.add(id);
      const sinceMs = this.#runsSinceMs.get(id) ?? nowMs;
      this.#runsSinceMs.set(id, sinceMs);
      const minutes = Math.floor((nowMs - sinceMs) / 60_000);
      if (nowMs - sinceMs <= config.job.claimWaitMs + preparationMs) continue;
      const row = findAllocation(store.db, id);
      const reason = `Its Slurm job has run for ${minutes} minutes and has not asked for its runner: look at its output.`;
      if (row?.state === 'pending') this.#release(row, 'unclaimed', reason);
    }
    for (const id of this.#runsSinceMs.keys()) if (!running.has(id)) this.#runsSinceMs.delete(id);
  }

  #look(scope: string, rows: readonly Allocation[]): void {
    const { store, effects } = this.#context;
    const names: string[] = [];
    for (const row of rows) {
      const open = openRunnersOf(store.db, row.id);
      names.push(...open.map(({ name }) => name));
      if (open.length > 0) continue;
      // It still waits for a registration: does its Slurm job, too?
      if (row.state === 'claimed') this.#noteWaiting(row);
      lookUpJob(this.#context, row.id);
    }
    if (names.length > 0) effects.run('github', `runners:${scope}`, () => this.#ask(scope, names));
  }

  async #ask(scope: string, names: readonly string[]): Promise<void> {
    const { store, seen } = this.#context;
    const search = this.#searches.get(scope) ?? new RunnerSearch(this.#context, scope);
    this.#searches.set(scope, search);
    const unanswered = await search.search(names, (name, found) => this.#judge(name, found));
    const open = names.flatMap((name) => findRunner(store.db, name) ?? []);
    for (const { allocationId } of open) seen.unanswered.delete(allocationId);
    for (const { name, allocationId } of open) {
      const reason = unanswered.get(name);
      if (reason !== undefined)
        seen.unanswered.set(allocationId, `GitHub does not say what its runner does: ${reason}`);
    }
  }

  /** Other things may have happened since it was asked about. */
  #judge(name: string, found: Found): void {
    const { store } = this.#context;
    const runner = findRunner(store.db, name);
    if (runner === undefined || !openRunnerStates.has(runner.state)) return;
    const row = findAllocation(store.db, runner.allocationId);
    if (row?.state === 'busy' && row.workflowJobId === null) this.#noteStarted(row, found);
    if (row?.state === 'claimed') this.#noteClaimed(row, runner, found);
  }

  /** A script that was told to ask again does so within a minute, and ends when nobody has answered it for `runner.claimWait`. */
  #noteWaiting(row: Allocation): void {
    const { seen, clock, config } = this.#context;
    const nowMs = clock.monotonicMs();
    // Of one that asked before this process started it is not known when.
    const askedMs = seen.askedMs.get(row.id) ?? nowMs;
    seen.askedMs.set(row.id, askedMs);
    if (nowMs - askedMs <= config.job.claimWaitMs + exitMs) return;
    const minutes = Math.floor((nowMs - askedMs) / 60_000);
    const reason = `It was told to ask again for its runner, and has not for ${minutes} minutes: look at the output of its Slurm job.`;
    this.#release(row, 'runner-never-online', reason);
  }

  /** An ephemeral runner's registration goes with its job, and a runner without one gets no other. */
  #noteStarted(row: Allocation, found: Found): void {
    if (found !== null) return;
    const reason = 'Its runner started a job, and its registration is gone: the job is over.';
    this.#release(row, 'completed', reason);
  }

  #noteClaimed(row: Allocation, runner: RunnerRow, found: Found): void {
    const { store, clock, seen } = this.#context;
    const nowMs = clock.steadyMs();
    if (found?.busy === true) {
      const detail = 'GitHub lists its runner as busy';
      const changes = { startedAt: nowMs, unconfirmedSince: nowMs, claimTokenHash: null };
      if (
        moveAllocation(store.db, { id: row.id, from: 'claimed', to: 'busy', atMs: nowMs, changes, detail })
      ) {
        seen.startedMs.set(row.id, clock.monotonicMs());
      }
    } else if (found?.online === true) {
      store.db.transaction((tx) => {
        markOnline(tx, found.name, nowMs);
        // It has what it asked for: nobody needs the claim token any more.
        updateAllocation(tx, row.id, { claimTokenHash: null });
      });
    } else if (found === null && runner.onlineAt !== null) {
      const reason = 'Its runner was online, and its registration is gone: nobody here has deleted it.';
      this.#release(row, 'registration-lost', reason);
    } else if (nowMs - (row.firstClaimedAt ?? nowMs) > neverOnlineMs) {
      const reason = 'Its runner never came online: look at the output of its Slurm job.';
      this.#release(row, 'runner-never-online', reason);
    }
  }

  #release(row: Allocation, releaseOutcome: Outcome, reason: string): void {
    const { store, clock } = this.#context;
    const nowMs = clock.steadyMs();
    const changes = { releaseOutcome, releasingAt: nowMs, reason };
    const { id, state } = row;
    moveAllocation(store.db, { id, from: state, to: 'releasing', atMs: nowMs, changes, detail: reason });
  }
}
