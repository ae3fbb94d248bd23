/**
 * A database that can't be written now, and is as it was: a full disk, a disk that fails, a file system that was made read-only.
 * SQLite rolls the transaction back, so nothing is half written. What is damaged is another matter: see damage.ts.
 */
import { OperatorError } from '../domain/errors.ts';
import type { Connection } from './connection.ts';
import { isDamage, sqliteErrorOf } from './damage.ts';
import { sql } from './drizzle.ts';
import { instance } from './schema.ts';

const unwritableCodes = /^SQLITE_(FULL|IOERR|READONLY)/;

/** Whether a call failed because of the disk, and may succeed later. */
export function isUnwritable(error: unknown): boolean {
  return !isDamage(error) && unwritableCodes.test(sqliteErrorOf(error)?.code ?? '');
}

/** The sentence for the operator, with SQLite's words. */
export function unwritableSentence(error: unknown, path: string): string {
  const said = sqliteErrorOf(error);
  const advice =
    said?.code === 'SQLITE_FULL'
      ? 'make room on its disk'
      : 'see that its disk works, has room and is not mounted read-only';
  return `The database ${path} can't be written (${said?.message ?? String(error)}): ${advice}.`;
}

/** For a program that can't go on without it; every other error as it is. */
export function explainUnwritable(error: unknown, path: string): unknown {
  if (!isUnwritable(error)) return error;
  return new OperatorError(`${unwritableSentence(error, path)} Then start again.`, 1, { cause: error });
}

/** Writes a page that changes nothing. @throws SqliteError when there is no room for that. */
export function tryWriting(db: Connection): void {
  db.update(instance)
    .set({ createdAt: sql`${instance.createdAt}` })
    .run();
}
