/**
 * A file that is not what SQLite wrote. SQLite says so by an error when it comes upon it, and when it is asked to look.
 *
 * It is asked for `integrity_check`: `quick_check` does not compare tables with their indexes, and an entry that is left of a deleted row
 * passes it. Measured with 300,000 finished jobs and allocations (420 MB, in the page cache, two cores): 3 to 5 s, and 1 s for
 * `foreign_key_check`, in proportion to the size.
 * - A start has to be at its first poll within a second, of which the program takes half: at once up to 4 MiB, else beside the
 *   service, in a thread; so the start takes as long with that file as with an empty one.
 * - `migrate` has the time, and looks at foreign keys anyway.
 * - A backup is what is left when all else is lost: both, of the copy.
 */
import Database from 'better-sqlite3';
import { OperatorError } from '../domain/errors.ts';

const damageCodes = /^SQLITE_(CORRUPT|NOTADB|IOERR_SHORT_READ|IOERR_CORRUPTFS)/;

/** What SQLite says, in whatever drizzle has wrapped it; null when it is no statement of SQLite's. */
export function sqliteErrorOf(error: unknown): { readonly code: string; readonly message: string } | null {
  if (error instanceof Database.SqliteError) return { code: error.code, message: error.message };
  return error instanceof Error && error.cause !== undefined ? sqliteErrorOf(error.cause) : null;
}

/** Whether a call failed because the file is damaged. */
export function isDamage(error: unknown): boolean {
  return damageCodes.test(sqliteErrorOf(error)?.code ?? '');
}

/** The sentence for the operator. @param what SQLite's own words. */
export function damagedDatabase(path: string, what: string, cause?: unknown): OperatorError {
  return new OperatorError(
    `The database ${path} is damaged (${what}): stop the service, keep a copy of the file, copy the newest file that 'gha-slurm backup' made to ${path}, and start again.`,
    1,
    { cause },
  );
}

/** The sentence in place of SQLite's error, where that says that the file is damaged; every other error as it is. */
export function explainDamage(error: unknown, path: string): unknown {
  const said = sqliteErrorOf(error);
  if (said === null || !isDamage(error)) return error;
  if (said.code !== 'SQLITE_NOTADB') return damagedDatabase(path, said.message, error);
  return new OperatorError(
    `${path} is not a SQLite database: check database.path; if that is right the file is damaged: restore a backup, by copying the newest file that 'gha-slurm backup' made to ${path}.`,
    1,
    { cause: error },
  );
}

/**
 * The first thing that does not hold, in SQLite's words; null when all does.
 * @throws SqliteError when the file can't be read so far.
 */
export function findDamage(sqlite: Database.Database): string | null {
  const found = String(sqlite.pragma('integrity_check(1)', { simple: true }));
  return found === 'ok' ? null : found.replaceAll(/\s+/g, ' ');
}
