import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { OperatorError } from '../domain/errors.ts';
import type { Connection } from './connection.ts';
import { drizzle } from './drizzle.ts';
import { assertMigrated } from './migrate.ts';

/**
 * Opens the database for reading only, beside the service that may be using it.
 * @throws OperatorError when the file is missing, not migrated, or can't be read.
 */
export function readStore(path: string): { readonly db: Connection; close(): void } {
  if (!existsSync(path))
    throw new OperatorError(`There is no database at ${path}: check database.path of the configuration.`);
  try {
    const sqlite = new Database(path, { readonly: true, fileMustExist: true, timeout: 5_000 });
    assertMigrated(sqlite, path);
    return { db: drizzle(sqlite), close: () => sqlite.close() };
  } catch (cause) {
    if (cause instanceof OperatorError) throw cause;
    throw new OperatorError(
      `${path} can't be read as a SQLite database: check that the file is whole and that you may read it.`,
      1,
      { cause },
    );
  }
}
