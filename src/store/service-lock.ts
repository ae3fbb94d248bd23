/**
 * One service per database: an exclusive transaction on a side file for the life of the process. The kernel drops the
 * lock with the process, SIGKILL included, so there is no lease to expire and no pid file to go stale.
 */
import Database from 'better-sqlite3';
import { OperatorError } from '../domain/errors.ts';

export interface ServiceLock {
  release(): void;
}

/** @throws OperatorError when another process holds the lock. */
export function acquireServiceLock(databasePath: string): ServiceLock {
  const path = `${databasePath}.lock`;
  const lock = new Database(path, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    if (cause instanceof Database.SqliteError && cause.code.startsWith('SQLITE_BUSY')) {
      throw new OperatorError(
        `Another gha-slurm service is using ${databasePath}: stop that one first, or give this one a database of its own in database.path.`,
        1,
        { cause },
      );
    }
    throw cause;
  }
  return {
    release() {
      lock.close();
    },
  };
}
