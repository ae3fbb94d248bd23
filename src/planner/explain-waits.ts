import { demand, inTurn, isSupply } from './deficit.ts';
import { shareOut } from './share-out.ts';
import type { Snapshot } from './snapshot.ts';

const unconfirmed =
  'A runner that has started, or a submit whose answer was lost, may be for it: it waits until GitHub or Slurm has said so.';

/** Why a queued job has no allocation, by job: a sentence for each that the next plan will submit nothing for. */
export function explainWaits(snapshot: Snapshot): Map<number, string> {
  const reasons = new Map<number, string>();
  for (const pool of snapshot.pools) {
    const supply = pool.allocations.filter(isSupply).length;
    for (const { id, rest } of inTurn(pool).slice(supply)) if (rest !== null) reasons.set(id, rest.reason);
    for (const [index, { id }] of demand(pool).slice(supply).entries()) {
      if (pool.blocked !== null) reasons.set(id, pool.blocked);
      else if (pool.stale) reasons.set(id, `GitHub does not answer for ${pool.pool.scope}.`);
      else if (index < pool.unconfirmed) reasons.set(id, unconfirmed);
      else if (index - pool.unconfirmed >= pool.probes)
        reasons.set(id, 'After failures one allocation of its pool is tried at a time.');
      else if (index - pool.unconfirmed >= pool.allowance)
        reasons.set(
          id,
          'Its pool has had more submits in this minute than its jobs explain: look at the log.',
        );
    }
  }
  for (const { wish, full } of shareOut(snapshot)) if (full !== null) reasons.set(wish.jobId, full);
  return reasons;
}
