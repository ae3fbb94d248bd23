/**
 * Claimed runners that say nothing: one listing of the scope's runners a minute, while there is any of that kind, tells
 * which is online, which is busy and which never came.
 */
import { allocationsIn, updateAllocation } from '../store/allocation-rows.ts';
import { type Allocation, moveAllocation } from '../store/move-allocation.ts';
import { markOnline, openRunnersOf } from '../store/runner-rows.ts';
import type { Context } from './context.ts';
import { lookUpJob } from './look-up-job.ts';
import type { RegisteredRunner } from './ports.ts';

const quietMs = 90_000;
const everyMs = 60_000;
/** A runner that is not online this long after its claim never will be. */
const neverOnlineMs = 5 * 60_000;

export class RunnerWatch {
  readonly #context: Context;
  /** Monotonic time of the last listing, by scope. */
  readonly #listedMs = new Map<string, number>();

  constructor(context: Context) {
    this.#context = context;
  }

  watch(): void {
    const { store, clock, effects } = this.#context;
    const quiet = allocationsIn(store.db, 'claimed').filter(
      (row) => clock.wallMs() - (row.firstClaimedAt ?? row.createdAt) > quietMs,
    );
    for (const [scope, rows] of Map.groupBy(quiet, (row) => row.scope)) {
      const listedMs = this.#listedMs.get(scope);
      if (listedMs !== undefined && clock.monotonicMs() - listedMs < everyMs) continue;
      this.#listedMs.set(scope, clock.monotonicMs());
      effects.run('github', `runners:${scope}`, () => this.#look(scope, rows));
    }
  }

  async #look(scope: string, rows: readonly Allocation[]): Promise<void> {
    const { store, github, log } = this.#context;
    let listed: Map<string, RegisteredRunner>;
    try {
      listed = new Map((await github.runners(scope)).map((runner) => [runner.name, runner]));
    } catch (error) {
      log.warn({ repo: scope, err: error }, 'runners can not be listed');
      return;
    }
    for (const row of rows) {
      const open = openRunnersOf(store.db, row.id);
      for (const { name } of open) this.#note(row, listed.get(name));
      // It still waits for a registration: does its Slurm job, too?
      if (open.length === 0) lookUpJob(this.#context, row.id);
    }
  }

  #note(row: Allocation, runner: RegisteredRunner | undefined): void {
    const { store, clock, seen } = this.#context;
    const nowMs = clock.wallMs();
    if (runner?.busy === true) {
      const detail = 'GitHub lists its runner as busy';
      const changes = { startedAt: nowMs, unconfirmedSince: nowMs, claimTokenHash: null };
      if (
        moveAllocation(store.db, { id: row.id, from: 'claimed', to: 'busy', atMs: nowMs, changes, detail })
      ) {
        seen.startedMs.set(row.id, clock.monotonicMs());
      }
    } else if (runner?.online === true) {
      store.db.transaction((tx) => {
        markOnline(tx, runner.name, nowMs);
        // It has what it asked for: nobody needs the claim token any more.
        updateAllocation(tx, row.id, { claimTokenHash: null });
      });
    } else if (nowMs - (row.firstClaimedAt ?? nowMs) > neverOnlineMs) {
      const reason = 'Its runner never came online: look at the output of its Slurm job.';
      const changes = { releaseOutcome: 'runner-never-online', releasingAt: nowMs, reason };
      moveAllocation(store.db, {
        id: row.id,
        from: 'claimed',
        to: 'releasing',
        atMs: nowMs,
        changes,
        detail: reason,
      });
    }
  }
}
