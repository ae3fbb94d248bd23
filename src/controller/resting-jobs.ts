/**
 * Workflow jobs that nothing is submitted for, because what was made for them started nothing too often: see domain/attempts.ts. They
 * stay queued, and in view with the reason; a runner that is there for another job of their pool may still get them.
 */
import { mustRest, restMs } from '../domain/attempts.ts';
import { isSupply } from '../planner/deficit.ts';
import type { Rest, Snapshot } from '../planner/snapshot.ts';
import { findAllocation } from '../store/allocation-rows.ts';
import { type FailedAttemptsOfJob, failedAttempts } from '../store/failed-attempts.ts';
import type { LiveAllocation } from '../store/live-allocations.ts';
import type { Context } from './context.ts';

/** `live` has not ended; `unproven` has, and may yet be proven to have started a job. @returns rests by job. */
export function restingJobs(
  context: Context,
  live: readonly LiveAllocation[],
  unproven: readonly Pick<LiveAllocation, 'madeForJobId'>[],
): Map<number, Rest> {
  const { store, config, clock, seen } = context;
  const { maxAttempts } = config.limits;
  const failed = failedAttempts(store.db);
  const isOnItsWay = ({ id, state }: LiveAllocation): boolean =>
    state !== 'ended' && isSupply({ state, stuck: seen.phases.get(id) === 'stuck' });
  const underWay = new Map<number, number>();
  const count = (id: number): void => void underWay.set(id, (underWay.get(id) ?? 0) + 1);
  for (const row of live) {
    if (row.madeForJobId === null || row.state === 'busy' || row.state === 'ended') continue;
    if (!isOnItsWay(row)) count(row.madeForJobId);
  }
  for (const { madeForJobId } of unproven) if (madeForJobId !== null) count(madeForJobId);
  const rests = new Map<number, Rest>();
  const candidates = new Set([...failed.keys(), ...underWay.keys()]);
  // Those whose next attempt is on its way don't rest; as a rule there are no others, and this is done at every turn.
  if (candidates.size > 0)
    for (const row of live)
      if (row.madeForJobId !== null && candidates.has(row.madeForJobId) && isOnItsWay(row))
        candidates.delete(row.madeForJobId);
  for (const id of candidates) {
    const others = underWay.get(id) ?? 0;
    if (!mustRest(failed.get(id), others, maxAttempts, clock.steadyMs())) continue;
    rests.set(id, restOf(context, failed.get(id), others));
  }
  return rests;
}

function restOf(
  { store, config, clock }: Context,
  failed: FailedAttemptsOfJob | undefined,
  underWay: number,
): Rest {
  const { maxAttempts } = config.limits;
  if (failed === undefined || underWay > 0) {
    const reason = `limits.maxAttempts is reached: ${maxAttempts} allocations were made for it and have started nothing; it waits for the end of the last one.`;
    return { reason, untilMs: null };
  }
  const { count, lastEndedMs, lastId, jobId } = failed;
  const untilMs = lastEndedMs + restMs(count, maxAttempts);
  const last = findAllocation(store.db, lastId);
  const node = last?.node == null ? '' : ` on the node ${last.node}`;
  const exit = last?.exitCode == null ? '' : ` with exit code ${last.exitCode}`;
  const why = last?.reason?.replace(/\.?$/, '.') ?? '';
  const reason =
    `It rests until ${new Date(clock.onCalendar(untilMs)).toISOString()}: ${count} allocations were made for it and started nothing (limits.maxAttempts is ${maxAttempts}). ` +
    `The last one, ${lastId}, ended as ${last?.outcome}${node}${exit}: ${why} ` +
    `Each is in gha-slurm explain ${jobId}; cancelled and run again, it is tried at once.`;
  return { reason, untilMs };
}

/** One line in the log when a rest begins; a start of the service tells of those that it finds. */
export function noteRests({ seen, log }: Context, { pools }: Snapshot): void {
  const resting = pools.flatMap(({ queued }) => queued.filter(({ rest }) => rest?.untilMs != null));
  const ids = new Set(resting.map(({ id }) => id));
  for (const id of seen.resting) if (!ids.has(id)) seen.resting.delete(id);
  for (const { id, repository, rest } of resting) {
    if (seen.resting.has(id)) continue;
    seen.resting.add(id);
    log.warn({ repo: repository, jobId: id, reason: rest?.reason }, 'a workflow job rests');
  }
}
