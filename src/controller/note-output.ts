/**
 * A node tells what was printed last where it could not run the job, or where its runner ended, or was ended, before a job started. Kept
 * with the allocation, for whoever asks why, unless it ended because nobody wanted it any more; it decides nothing.
 */
import { maskSecrets } from '../domain/mask-secrets.ts';
import { findAllocation } from '../store/allocation-rows.ts';
import { saveOutput } from '../store/output-rows.ts';
import { runnersOf } from '../store/runner-rows.ts';
import type { Context } from './context.ts';
import { tokenMatches } from './secret-token.ts';

/** Characters; the batch script sends 64 KiB. */
export const maxOutputLength = 65_536;

/** False for a token that is neither the claim token nor the event token of the allocation. */
export function noteOutput(
  { store, clock, log }: Context,
  id: string,
  token: string,
  output: string,
): boolean {
  const row = findAllocation(store.db, id);
  if (row === undefined) return false;
  const hashes = [row.eventTokenHash, row.claimTokenHash];
  if (!hashes.some((hash) => hash !== null && tokenMatches(token, hash))) return false;
  const { releaseOutcome } = row;
  // A watchdog ends a runner that never came online as `idle`, too.
  const wasOnline = () => runnersOf(store.db, id).some(({ onlineAt }) => onlineAt !== null);
  if (releaseOutcome === 'surplus' || (releaseOutcome === 'idle' && wasOnline())) return true;
  const text = maskSecrets(output.replaceAll(token, '***')).slice(-maxOutputLength);
  saveOutput(store.db, { allocationId: id, at: clock.steadyMs(), text });
  log.warn(
    { allocationId: id, slurmJobId: row.slurmJobId, lastLine: lastLine(text) },
    'a runner ended before its job',
  );
  return true;
}

const lastLine = (text: string): string => (text.trimEnd().split('\n').at(-1) ?? '').slice(0, 300);
