/**
 * Opens the database for the one service that may use it. Everything in `store` is synchronous: no network between
 * BEGIN and COMMIT, and no other code runs in the middle of a transaction.
 *
 * better-sqlite3's build defaults to `synchronous=NORMAL` in WAL, which would lose intents in a power cut: FULL it is.
 */
import { chmodSync, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import { OperatorError } from '../domain/errors.ts';
import { drizzle } from './drizzle.ts';
import { assertMigrated } from './migrate.ts';
import { networkFileSystemOf } from './network-file-system.ts';
import { instance } from './schema.ts';
import { acquireServiceLock } from './service-lock.ts';
import { cacheStatements } from './statement-cache.ts';

export type Db = BetterSQLite3Database<Record<string, never>> & { $client: Database.Database };

export interface Store {
  readonly db: Db;
  readonly instanceId: string;
  close(): void;
}

export interface StoreOptions {
  readonly path: string;
  readonly allowNetworkFileSystem: boolean;
}

/** @throws OperatorError when the file is missing, not migrated, newer, in use, or on a network file system. */
export function openStore({ path, allowNetworkFileSystem }: StoreOptions): Store {
  if (!existsSync(path)) {
    throw new OperatorError(
      `There is no database at ${path}: run 'npm run migrate' with the same configuration first.`,
    );
  }
  const network = networkFileSystemOf(dirname(path));
  if (network !== null && !allowNetworkFileSystem) {
    throw new OperatorError(
      `The database ${path} is on ${network}, where SQLite's locks can't be trusted: put it on a local disk, or set database.allowNetworkFileSystem if you know better.`,
    );
  }
  const lock = acquireServiceLock(path);
  try {
    chmodSync(path, 0o600);
    const sqlite = openDatabase(path);
    try {
      assertMigrated(sqlite, path);
      const db: Db = drizzle(sqlite);
      const row = db.select().from(instance).get();
      if (row === undefined)
        throw new OperatorError(`The database ${path} has no instance id: run 'npm run migrate'.`);
      return {
        db,
        instanceId: row.id,
        close() {
          sqlite.close();
          lock.release();
        },
      };
    } catch (error) {
      sqlite.close();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw error;
  }
}

function openDatabase(path: string): Database.Database {
  try {
    const sqlite = new Database(path, { fileMustExist: true });
    sqlite.pragma('journal_mode = WAL');
    sqlite.pragma('synchronous = FULL');
    sqlite.pragma('foreign_keys = ON');
    sqlite.pragma('busy_timeout = 5000');
    cacheStatements(sqlite);
    return sqlite;
  } catch (cause) {
    throw new OperatorError(
      `${path} can't be opened as a SQLite database: check that the file is whole and readable, or restore a backup.`,
      1,
      { cause },
    );
  }
}
