/** What nodes report. Hints: they move claimed to busy and trigger a look; they never end a row. */
import { findAllocation } from '../store/allocation-rows.ts';
import { type Allocation, moveAllocation } from '../store/move-allocation.ts';
import type { Context } from './context.ts';
import { deregisterAll } from './deregister.ts';
import { progress } from './pool-health.ts';
import { tokenMatches } from './secret-token.ts';

export const nodeEvents = ['started', 'finished', 'exit'] as const;
export type NodeEvent = (typeof nodeEvents)[number];

/** The row that the event token belongs to, or null. */
export function authenticate({ store }: Context, id: string, token: string): Allocation | null {
  const row = findAllocation(store.db, id);
  return row?.eventTokenHash != null && tokenMatches(token, row.eventTokenHash) ? row : null;
}

export function takeEvent(context: Context, row: Allocation, event: NodeEvent): void {
  context.log.debug({ allocationId: row.id, event }, 'event from a node');
  if (event === 'started') noteStart(context, row);
  if (event === 'exit') context.wakeSlurm();
}

function noteStart({ store, clock, seen }: Context, row: Allocation): void {
  if (row.state !== 'claimed' && row.state !== 'releasing') return;
  const nowMs = clock.steadyMs();
  const { state } = row;
  store.db.transaction((tx) => {
    const moved = moveAllocation(tx, {
      id: row.id,
      from: state,
      to: 'busy',
      atMs: nowMs,
      changes: {
        startedAt: nowMs,
        unconfirmedSince: row.workflowJobId === null ? nowMs : null,
        claimTokenHash: null,
      },
      detail: 'its runner says that a job started',
    });
    if (!moved) return;
    progress(tx, row.pool, 'start');
    if (row.workflowJobId === null) seen.startedMs.set(row.id, clock.monotonicMs());
  });
}

/** `stop` when the runner can get no job any more; `stay` when it has one, or when nobody can tell. */
export async function answerIdle(context: Context, row: Allocation): Promise<'stop' | 'stay'> {
  const { store, clock, log } = context;
  if (row.state === 'ended') return 'stop';
  if (row.state === 'busy') return 'stay';
  const nowMs = clock.steadyMs();
  if (row.state === 'claimed') {
    const changes = {
      releaseOutcome: 'idle',
      releasingAt: nowMs,
      reason: 'In runner.idleTimeout no job came to its runner.',
    };
    moveAllocation(store.db, {
      id: row.id,
      from: 'claimed',
      to: 'releasing',
      atMs: nowMs,
      changes,
      detail: 'idle',
    });
  }
  const result = await deregisterAll(context, row);
  log.info({ allocationId: row.id, result }, 'idle runner asked whether to stop');
  if (result === 'gone') return 'stop';
  if (result === 'failed' && row.state === 'claimed') {
    // It is alive and may still get a job: it asks again after the next idle time-out.
    const detail = 'its runner can not be deregistered';
    moveAllocation(store.db, {
      id: row.id,
      from: 'releasing',
      to: 'claimed',
      atMs: clock.steadyMs(),
      detail,
    });
  }
  return 'stay';
}
