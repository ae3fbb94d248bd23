/**
 * A submit in doubt is fenced, not adopted: the row ends first, so that a claim is refused from then on, and the name
 * goes on the durable list of fences in the same transaction. If the claim was faster, the row is not in `submitting`
 * any more: its Slurm job is there, and nothing is fenced.
 */
import { insertFence } from '../store/cancel-rows.ts';
import { type Allocation, moveAllocation } from '../store/move-allocation.ts';
import type { Context } from './context.ts';

export function loseSubmit(
  { store, clock, count }: Context,
  row: Pick<Allocation, 'id' | 'slurmJobName'>,
  outcome: 'submit-lost' | 'surplus',
  reason: string,
): boolean {
  const nowMs = clock.steadyMs();
  const lost = store.db.transaction((tx) => {
    const moved = moveAllocation(tx, {
      id: row.id,
      from: 'submitting',
      to: 'ended',
      atMs: nowMs,
      changes: { outcome, reason, endedAt: nowMs },
      detail: `${outcome}: ${reason}`,
    });
    if (moved) insertFence(tx, row.id, row.slurmJobName, nowMs);
    return moved;
  });
  if (lost && outcome === 'submit-lost') count('submits_lost');
  return lost;
}
