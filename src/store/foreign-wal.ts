/**
 * What a service that was killed leaves beside its file, `-wal`, is applied by SQLite to whatever file stands there next: a
 * backup copied to that place would be mixed with pages that it never had. A backup is in rollback mode, and a file in that
 * mode has no `-wal`: where both are, the `-wal` belongs to the file that was there before.
 */
import { closeSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { acquireServiceLock } from './service-lock.ts';

const magic = 'SQLite format 3\0';

/**
 * To be asked before SQLite opens the file in this process: closing any other descriptor of a file drops the locks that the
 * process has on it.
 */
function hasForeignWal(path: string): boolean {
  if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) === 0) return false;
  const header = Buffer.alloc(20);
  const file = openSync(path, 'r');
  try {
    readSync(file, header, 0, header.length, 0);
  } finally {
    closeSync(file);
  }
  // Read and write version: 1 is rollback mode, 2 is WAL.
  return header.toString('latin1', 0, magic.length) === magic && header[18] === 1 && header[19] === 1;
}

/** For who holds the service lock. */
export function discardForeignWal(path: string): void {
  if (!hasForeignWal(path)) return;
  for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
}

/** For who does not. @throws OperatorError when a service is using the file. */
export function discardForeignWalAlone(path: string): void {
  if (!hasForeignWal(path)) return;
  const lock = acquireServiceLock(path);
  try {
    discardForeignWal(path);
  } finally {
    lock.release();
  }
}
