/**
 * One service per database: an exclusive transaction on a side file for the life of the process. The kernel drops the
 * lock with the process, SIGKILL included, so there is no lease to expire and no pid file to go stale.
 */
import Database from 'better-sqlite3';
import { OperatorError } from '../domain/errors.ts';

export interface ServiceLock {
  release(): void;
}

/** The garbage collector closes a connection that nobody refers to, and the lock would go with it. */
const held = new Set<Database.Database>();

/** @throws OperatorError when another process holds the lock, or when it can't be made. */
export function acquireServiceLock(databasePath: string): ServiceLock {
  const path = `${databasePath}.lock`;
  let lock: Database.Database | undefined;
  try {
    lock = new Database(path, { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock?.close();
    const busy = cause instanceof Database.SqliteError && cause.code.startsWith('SQLITE_BUSY');
    throw new OperatorError(
      busy
        ? `Another gha-slurm service is using ${databasePath}: stop that one first, or give this one a database of its own in database.path.`
        : `The lock ${path} can't be taken (${(cause as Error).message}): check that this user may write in its folder; if it is another kind of file, delete it.`,
      1,
      { cause },
    );
  }
  const taken = lock;
  held.add(taken);
  return {
    release() {
      held.delete(taken);
      taken.close();
    },
  };
}
