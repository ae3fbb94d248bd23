import { findAllocation, updateAllocation } from '../store/allocation-rows.ts';
import { type Allocation, moveAllocation } from '../store/move-allocation.ts';
import {
  leftoverRunners,
  markDeregistered,
  openRunnersOf,
  postponeDeregister,
  type RunnerRow,
} from '../store/runner-rows.ts';
import { backoffMs } from './backoff.ts';
import type { Context } from './context.ts';

export type Deregistered = 'gone' | 'busy' | 'failed';

/**
 * Deregisters every runner that GitHub has of an allocation, or may have. `busy` moves the row to `busy`: a job was
 * faster. `failed` leaves what is left for the next time.
 */
export async function deregisterAll(
  context: Context,
  row: Pick<Allocation, 'id' | 'scope'>,
): Promise<Deregistered> {
  const { store, clock } = context;
  for (const runner of openRunnersOf(store.db, row.id)) {
    const result = await deregisterOne(context, runner);
    if (result === 'busy') {
      const current = findAllocation(store.db, row.id);
      if (current?.state === 'claimed' || current?.state === 'releasing') {
        const nowMs = clock.steadyMs();
        moveAllocation(store.db, {
          id: row.id,
          from: current.state,
          to: 'busy',
          atMs: nowMs,
          changes: {
            startedAt: nowMs,
            unconfirmedSince: current.workflowJobId === null ? nowMs : null,
            claimTokenHash: null,
          },
          detail: 'GitHub says that its runner is busy',
        });
        if (current.workflowJobId === null) context.seen.startedMs.set(row.id, clock.monotonicMs());
      }
      return 'busy';
    }
    if (result === 'failed') return 'failed';
  }
  return 'gone';
}

/** Registrations whose allocation has ended: each until GitHub says that it is gone. */
export function deregisterLeftovers(context: Context): void {
  const { store, clock, effects } = context;
  for (const runner of leftoverRunners(store.db, clock.steadyMs())) {
    effects.run('github', `deregister-runner:${runner.name}`, async () => {
      const result = await deregisterOne(context, runner);
      if (result === 'busy') noteBusyLeftover(context, runner);
    });
  }
}

/** Slurm ended the job and GitHub has not noticed yet: it does within ten minutes. */
function noteBusyLeftover({ store, clock }: Context, runner: RunnerRow): void {
  const nowMs = clock.steadyMs();
  postponeDeregister(store.db, runner.name, nowMs + 60_000);
  // It has a job, so it stands for none of those that are queued.
  if (findAllocation(store.db, runner.allocationId)?.startedAt === null)
    updateAllocation(store.db, runner.allocationId, { startedAt: nowMs });
}

async function deregisterOne(
  { store, github, clock, chance, log }: Context,
  runner: RunnerRow,
): Promise<Deregistered> {
  try {
    const result = await github.deregister(runner.scope, { id: runner.githubRunnerId, name: runner.name });
    if (result === 'gone') markDeregistered(store.db, runner.name);
    return result;
  } catch (error) {
    postponeDeregister(store.db, runner.name, clock.steadyMs() + backoffMs(runner.attempts + 1, chance));
    log.warn(
      { repo: runner.scope, runnerName: runner.name, err: error },
      'runner can not be deregistered yet',
    );
    return 'failed';
  }
}
