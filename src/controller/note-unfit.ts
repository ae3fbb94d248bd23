/**
 * A node says, before its claim, that it can't run the job: no Docker, no image, no mount. Kept as the reason that the allocation
 * ends with when Slurm says that its job is over, and that its pool is blocked with after three in a row; the workflow job stays queued.
 */
import { maskSecrets } from '../domain/mask-secrets.ts';
import { findAllocation, updateAllocation } from '../store/allocation-rows.ts';
import type { Context } from './context.ts';
import { tokenMatches } from './secret-token.ts';

export interface Unfit {
  readonly slurmJobId: number;
  readonly node: string;
  readonly reason: string;
}

/** False for a wrong claim token, or an allocation that has gone on. */
export function noteUnfit({ store, log }: Context, id: string, token: string, unfit: Unfit): boolean {
  return store.db.transaction(
    (tx) => {
      const row = findAllocation(tx, id);
      if (row?.claimTokenHash == null || !tokenMatches(token, row.claimTokenHash)) return false;
      if (row.state !== 'pending' && row.state !== 'submitting') return false;
      if (row.slurmJobId !== null && row.slurmJobId !== unfit.slurmJobId) return false;
      // It has the last words of programs.
      const said = maskSecrets(unfit.reason.replaceAll(token, '***')).replaceAll(/\s+/g, ' ').trim();
      const reason = `The node ${unfit.node} can't run it: ${said}`;
      updateAllocation(tx, id, { node: unfit.node, reason });
      log.warn({ allocationId: id, slurmJobId: unfit.slurmJobId, reason }, 'a node can not run a job');
      return true;
    },
    { behavior: 'immediate' },
  );
}
