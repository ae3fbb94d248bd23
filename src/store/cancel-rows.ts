/** The two durable lists of what must be gone from Slurm: by id and name, and by name alone. */

import type { Connection } from './connection.ts';
import { and, eq, isNull, lte, sql } from './drizzle.ts';
import { given, prepared } from './prepared.ts';
import { cancels, fences } from './schema.ts';

export type CancelRow = typeof cancels.$inferSelect;
export type FenceRow = typeof fences.$inferSelect;

const request = prepared((db) =>
  db
    .insert(cancels)
    .values({
      slurmJobId: given('slurmJobId'),
      slurmJobName: given('slurmJobName'),
      reason: given('reason'),
      createdAt: given('nowMs'),
      retryAt: given('nowMs'),
    })
    .onConflictDoUpdate({
      target: [cancels.slurmJobId, cancels.slurmJobName],
      set: { doneAt: null, retryAt: sql`${given('nowMs')}` },
      setWhere: sql`${cancels.doneAt} is not null`,
    })
    .prepare(),
);

/** Asking again for a cancel that was done opens it again: Slurm may have been wrong about it. */
export function requestCancel(
  db: Connection,
  job: { slurmJobId: number; slurmJobName: string },
  reason: string,
  nowMs: number,
): void {
  request(db).run({ ...job, reason, nowMs });
}

const cancelsDue = prepared((db) =>
  db
    .select()
    .from(cancels)
    .where(and(isNull(cancels.doneAt), lte(cancels.retryAt, given('nowMs'))))
    .prepare(),
);

export function dueCancels(db: Connection, nowMs: number): CancelRow[] {
  return cancelsDue(db).all({ nowMs });
}

const theCancel = (row: Pick<CancelRow, 'slurmJobId' | 'slurmJobName'>) =>
  and(eq(cancels.slurmJobId, row.slurmJobId), eq(cancels.slurmJobName, row.slurmJobName));

const finish = prepared((db) =>
  db
    .update(cancels)
    .set({ doneAt: sql`${given('nowMs')}` })
    .where(and(eq(cancels.slurmJobId, given('slurmJobId')), eq(cancels.slurmJobName, given('slurmJobName'))))
    .prepare(),
);

export function finishCancel(db: Connection, { slurmJobId, slurmJobName }: CancelRow, nowMs: number): void {
  finish(db).run({ nowMs, slurmJobId, slurmJobName });
}

export function postponeCancel(db: Connection, row: CancelRow, retryAtMs: number): void {
  db.update(cancels)
    .set({ retryAt: retryAtMs, attempts: sql`${cancels.attempts} + 1` })
    .where(theCancel(row))
    .run();
}

export function insertFence(db: Connection, allocationId: string, slurmJobName: string, nowMs: number): void {
  db.insert(fences).values({ allocationId, slurmJobName, createdAt: nowMs, retryAt: nowMs }).run();
}

const fencesDue = prepared((db) =>
  db
    .select()
    .from(fences)
    .where(and(isNull(fences.doneAt), lte(fences.retryAt, given('nowMs'))))
    .prepare(),
);

export function dueFences(db: Connection, nowMs: number): FenceRow[] {
  return fencesDue(db).all({ nowMs });
}

/** Slurm answered; `retryAtMs` is null when that was the last time. */
export function answerFence(db: Connection, row: FenceRow, retryAtMs: number | null, nowMs: number): void {
  db.update(fences)
    .set({
      answeredAt: row.answeredAt ?? nowMs,
      attempts: 0,
      answers: row.answers + 1,
      ...(retryAtMs === null ? { doneAt: nowMs } : { retryAt: retryAtMs }),
    })
    .where(eq(fences.slurmJobName, row.slurmJobName))
    .run();
}

/** Nothing of that name is in doubt any more. */
export function withdrawFence(db: Connection, slurmJobName: string, nowMs: number): void {
  db.update(fences)
    .set({ answeredAt: sql`coalesce(${fences.answeredAt}, ${nowMs})`, doneAt: nowMs })
    .where(and(eq(fences.slurmJobName, slurmJobName), isNull(fences.doneAt)))
    .run();
}

/** Slurm did not answer. */
export function postponeFence(db: Connection, row: FenceRow, retryAtMs: number): void {
  db.update(fences)
    .set({ retryAt: retryAtMs, attempts: row.attempts + 1, answers: 0 })
    .where(eq(fences.slurmJobName, row.slurmJobName))
    .run();
}
