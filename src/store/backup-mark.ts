/**
 * A backup knows less than what has happened since: Slurm jobs and registrations may be there that it has no rows of. So it carries the
 * time at which it was taken, until `gha-slurm repair` has compared it with Slurm and GitHub.
 */
import type { Connection } from './connection.ts';
import { instance } from './schema.ts';

/** When the backup was taken that this database is, in milliseconds since the Unix epoch; null when it is none, or was compared since. */
export function backupTakenAt(db: Connection): number | null {
  return db.select({ takenAt: instance.backupTakenAt }).from(instance).get()?.takenAt ?? null;
}

/** What a backup lacks has been found: from now on the database is as good as any. */
export function clearBackupMark(db: Connection): void {
  db.update(instance).set({ backupTakenAt: null }).run();
}
