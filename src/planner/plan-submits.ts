import { shareOut } from './share-out.ts';
import type { Action, Snapshot } from './snapshot.ts';

/** Submits for what demand lacks, within the caps. */
export function planSubmits(snapshot: Snapshot): Action[] {
  return shareOut(snapshot).flatMap(({ wish, full }) =>
    full === null ? [{ kind: 'submit', pool: wish.pool.pool, jobId: wish.madeForJobId } as const] : [],
  );
}
