/**
 * What to do, from what was seen. Pure: no I/O and no clock, so that every decision can be tested by its inputs.
 * Planning again after a plan was carried out gives nothing.
 */
import { surplus } from './deficit.ts';
import { planReleases } from './plan-releases.ts';
import { planSubmits } from './plan-submits.ts';
import type { Action, Snapshot } from './snapshot.ts';

/** `nowMs` is monotonic. Releases come first: they make room under the caps at the next plan, not in this one. */
export function plan(snapshot: Snapshot, nowMs: number): Action[] {
  const releases = snapshot.pools
    .filter((pool) => !pool.stale && surplus(pool) > 0)
    .filter(
      (pool) => pool.surplusSinceMs !== null && nowMs - pool.surplusSinceMs >= snapshot.limits.surplusGraceMs,
    )
    .flatMap(planReleases);
  return [...releases, ...planSubmits(snapshot)];
}
