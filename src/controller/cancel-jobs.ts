/** Works off the two durable lists: cancels by id and name, and fences by name alone. */
import { userOfSlurmJob } from '../store/allocation-rows.ts';
import {
  answerFence,
  type CancelRow,
  dueCancels,
  dueFences,
  type FenceRow,
  finishCancel,
  postponeCancel,
  postponeFence,
} from '../store/cancel-rows.ts';
import { backoffMs } from './backoff.ts';
import type { Context } from './context.ts';

/**
 * A submit can take effect after any check, so a fence goes up again after these times, from the first answer on, for a day. It does so
 * soonest after Slurm was in trouble: a fence that was not answered begins the row anew, and the whole row goes up before the last one.
 */
const fenceAgainMs = [10_000, 30_000, 120_000, 600_000, 3_600_000];
export const longestFenceWaitMs = Math.max(...fenceAgainMs);
const fenceForMs = 24 * 3_600_000;

export function cancelJobs(context: Context): void {
  const { store, clock, effects, database } = context;
  const nowMs = clock.steadyMs();
  for (const row of dueCancels(store.db, nowMs)) {
    const key = `cancel:${row.slurmJobId}:${row.slurmJobName}`;
    if (!database.isUnsettled(key)) effects.run('slurm', key, () => cancelOne(context, key, row));
  }
  for (const row of dueFences(store.db, nowMs)) {
    const key = `fence:${row.slurmJobName}`;
    if (!database.isUnsettled(key)) effects.run('slurm', key, () => fenceOne(context, key, row));
  }
}

async function cancelOne(
  { store, slurm, clock, chance, log, count, database }: Context,
  key: string,
  row: CancelRow,
): Promise<void> {
  let outcome: () => void;
  try {
    count('cancels');
    const user = userOfSlurmJob(store.db, row.slurmJobName);
    await slurm.cancel({ id: row.slurmJobId, name: row.slurmJobName, user });
    outcome = () => {
      finishCancel(store.db, row, clock.steadyMs());
      log.info({ slurmJobId: row.slurmJobId, reason: row.reason }, 'Slurm job cancelled');
    };
  } catch (error) {
    outcome = () => {
      postponeCancel(store.db, row, clock.steadyMs() + backoffMs(row.attempts + 1, chance));
      log.warn({ slurmJobId: row.slurmJobId, err: error }, 'Slurm job can not be cancelled yet');
    };
  }
  database.settleSoon(key, outcome);
}

async function fenceOne(
  { store, slurm, clock, chance, log, count, database }: Context,
  key: string,
  row: FenceRow,
): Promise<void> {
  let outcome: () => void;
  try {
    count('fences');
    await slurm.cancelByName(row.slurmJobName, userOfSlurmJob(store.db, row.slurmJobName));
    outcome = () => {
      const nowMs = clock.steadyMs();
      const wait = fenceAgainMs[Math.min(row.answers, fenceAgainMs.length - 1)] ?? fenceForMs;
      const isDayOver = nowMs - (row.answeredAt ?? nowMs) > fenceForMs;
      const isLast = isDayOver && row.answers >= fenceAgainMs.length;
      answerFence(store.db, row, isLast ? null : nowMs + wait, nowMs);
    };
  } catch (error) {
    outcome = () => {
      postponeFence(store.db, row, clock.steadyMs() + backoffMs(row.attempts + 1, chance));
      log.warn({ slurmJobName: row.slurmJobName, err: error }, 'Slurm does not answer to a fence yet');
    };
  }
  database.settleSoon(key, outcome);
}
