/**
 * What a start finds: submits and mints that an earlier process began and whose outcome nobody waits for any more. Both
 * are in doubt. Fences go out as soon as Slurm answers; registrations are deleted when their job asks again or is over.
 */
import { allocationsIn } from '../store/allocation-rows.ts';
import { doubtAllMints } from '../store/runner-rows.ts';
import type { Context } from './context.ts';
import { loseSubmit } from './lose-submit.ts';

export function recover(context: Context): void {
  const { store, config, clock, seen, log } = context;
  const mints = doubtAllMints(store.db);
  if (mints > 0) {
    for (const scope of config.repositories) seen.doubtfulMintMs.set(scope, clock.monotonicMs());
  }
  const submitting = allocationsIn(store.db, 'submitting');
  for (const row of submitting) {
    loseSubmit(context, row, 'submit-lost', 'The service stopped before Slurm answered.');
  }
  if (mints + submitting.length > 0) {
    log.warn({ mints, submits: submitting.length }, 'an earlier run left calls in doubt');
  }
}
