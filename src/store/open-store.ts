/**
 * Opens the database for the one service that may use it. Everything in `store` is synchronous: no network between
 * BEGIN and COMMIT, and no other code runs in the middle of a transaction.
 *
 * better-sqlite3's build defaults to `synchronous=NORMAL` in WAL, which would lose intents in a power cut: FULL it is.
 */
import { chmodSync, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import { OperatorError } from '../domain/errors.ts';
import { checkBeside } from './check-beside.ts';
import { damagedDatabase, explainDamage, findDamage, isDamage } from './damage.ts';
import { drizzle } from './drizzle.ts';
import { discardForeignWal } from './foreign-wal.ts';
import { assertMigrated } from './migrate.ts';
import { networkFileSystemOf } from './network-file-system.ts';
import { instance } from './schema.ts';
import { acquireServiceLock } from './service-lock.ts';
import { cacheStatements } from './statement-cache.ts';

export type Db = BetterSQLite3Database<Record<string, never>> & { $client: Database.Database };

export interface Store {
  readonly db: Db;
  readonly instanceId: string;
  /**
   * What a check finds that goes on beside the service, because the file is large; null when it is whole. Rejects when it
   * can't be checked.
   */
  readonly damage: Promise<OperatorError | null>;
  close(): void;
}

export interface StoreOptions {
  readonly path: string;
  readonly allowNetworkFileSystem: boolean;
  /** Files up to this size are checked before this returns. Default: 4 MiB, which take 30 to 50 ms. */
  readonly checkAtOnceBytes?: number;
}

/** @throws OperatorError when the file is missing, damaged, not migrated, newer, in use, or on a network file system. */
export function openStore({
  path,
  allowNetworkFileSystem,
  checkAtOnceBytes = 4 * 1_024 ** 2,
}: StoreOptions): Store {
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
    const sqlite = openDatabase(path);
    try {
      assertMigrated(sqlite, path);
      const db: Db = drizzle(sqlite);
      const row = db.select().from(instance).get();
      if (row === undefined)
        throw new OperatorError(`The database ${path} has no instance id: run 'npm run migrate'.`);
      const { damage, stop } = check(sqlite, path, checkAtOnceBytes);
      return {
        db,
        instanceId: row.id,
        damage,
        close() {
          stop();
          sqlite.close();
          lock.release();
        },
      };
    } catch (error) {
      sqlite.close();
      throw explainDamage(error, path);
    }
  } catch (error) {
    lock.release();
    throw error;
  }
}

function check(
  sqlite: Database.Database,
  path: string,
  atOnceBytes: number,
): { readonly damage: Store['damage']; stop(): void } {
  if (statSync(path).size <= atOnceBytes) {
    const found = findDamage(sqlite);
    if (found !== null) throw damagedDatabase(path, found);
    return { damage: Promise.resolve(null), stop: () => undefined };
  }
  const beside = checkBeside(path);
  const damage = beside.found.then((found) => (found === null ? null : damagedDatabase(path, found)));
  // Not every command waits for it.
  damage.catch(() => undefined);
  return { damage, stop: () => beside.stop() };
}

function openDatabase(path: string): Database.Database {
  let sqlite: Database.Database | undefined;
  try {
    chmodSync(path, 0o600);
    discardForeignWal(path);
    sqlite = new Database(path, { fileMustExist: true });
    sqlite.pragma('journal_mode = WAL');
    sqlite.pragma('synchronous = FULL');
    sqlite.pragma('foreign_keys = ON');
    sqlite.pragma('busy_timeout = 5000');
    cacheStatements(sqlite);
    return sqlite;
  } catch (cause) {
    sqlite?.close();
    if (isDamage(cause)) throw explainDamage(cause, path);
    throw new OperatorError(
      `The database ${path} can't be opened (${(cause as Error).message}): check that this user may read and write it and its folder, and that the disk has room.`,
      1,
      { cause },
    );
  }
}
