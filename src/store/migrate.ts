/**
 * The schema's versions. `npm run migrate` is the only thing that changes the schema; `serve` only compares.
 *
 * Foreign keys are off while migrating: changing a CHECK rebuilds its table, and SQLite would delete the children of
 * the dropped one. drizzle's own PRAGMA comes inside its transaction, where it does nothing.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { OperatorError } from '../domain/errors.ts';
import { damagedDatabase, explainDamage, findDamage, sqliteErrorOf } from './damage.ts';
import { drizzle, migrate, readMigrationFiles } from './drizzle.ts';
import { discardForeignWalAlone } from './foreign-wal.ts';
import { newInstanceId } from './random-id.ts';
import { instance } from './schema.ts';

const migrationsFolder = join(import.meta.dirname, '../../migrations');

/** Times (`folderMillis`) of the migrations that this program knows, oldest first. */
function knownVersions(): readonly number[] {
  return readMigrationFiles({ migrationsFolder }).map((file) => file.folderMillis);
}

function appliedVersion(sqlite: Database.Database): number | null {
  const table = sqlite.prepare("select 1 from sqlite_master where name = '__drizzle_migrations'").get();
  if (table === undefined) return null;
  const row = sqlite.prepare<[], { version: number | null }>(
    'select max(created_at) as version from __drizzle_migrations',
  );
  return row.get()?.version ?? null;
}

/** @throws OperatorError that says what to do when the file is newer than this program. */
export function assertNotNewer(sqlite: Database.Database, path: string): void {
  if ((appliedVersion(sqlite) ?? 0) <= (knownVersions().at(-1) ?? 0)) return;
  throw new OperatorError(
    `The database ${path} was made by a newer gha-slurm than this one: run that version, or restore a backup from before the upgrade.`,
  );
}

/** @throws OperatorError that says what to do when the file is older or newer than this program. */
export function assertMigrated(sqlite: Database.Database, path: string): void {
  assertNotNewer(sqlite, path);
  if (appliedVersion(sqlite) !== knownVersions().at(-1)) {
    throw new OperatorError(
      `The database ${path} is not migrated to this version: run 'npm run migrate' with the same configuration, then start again.`,
    );
  }
}

/**
 * Creates the file (mode 0600) where it is missing, brings the schema up to date and makes the instance id once.
 * @throws OperatorError when the file is damaged or newer than this program, or foreign keys don't hold afterwards.
 */
export function migrateDatabase(path: string, nowMs: number): { readonly instanceId: string } {
  try {
    mkdirSync(dirname(path), { recursive: true });
    // SQLite would create it with the umask's mode, and its -wal and -shm take the mode of the file.
    closeSync(openSync(path, 'a', 0o600));
  } catch (cause) {
    throw new OperatorError(
      `The database ${path} can't be made (${(cause as NodeJS.ErrnoException).code}): give database.path a folder in which this user may write.`,
      1,
      { cause },
    );
  }
  discardForeignWalAlone(path);
  try {
    const sqlite = new Database(path);
    try {
      return { instanceId: bringUpToDate(sqlite, path, nowMs) };
    } finally {
      sqlite.close();
    }
  } catch (error) {
    throw explain(error, path);
  }
}

function explain(error: unknown, path: string): unknown {
  const explained = explainDamage(error, path);
  const said = sqliteErrorOf(error);
  if (explained !== error || said === null) return explained;
  return new OperatorError(
    `The database ${path} can't be migrated (${said.message}): it is as it was; see that the disk has room, that this user may write there and that nothing else uses the file, then run it again.`,
    1,
    { cause: error },
  );
}

function bringUpToDate(sqlite: Database.Database, path: string, nowMs: number): string {
  sqlite.pragma('journal_mode = WAL');
  sqlite.pragma('synchronous = FULL');
  assertNotNewer(sqlite, path);
  const damage = findDamage(sqlite);
  if (damage !== null) throw damagedDatabase(path, damage);
  sqlite.pragma('foreign_keys = OFF');
  const db = drizzle(sqlite);
  migrate(db, { migrationsFolder });
  sqlite.pragma('foreign_keys = ON');
  const broken = sqlite.pragma('foreign_key_check');
  if (Array.isArray(broken) && broken.length > 0) {
    throw new OperatorError(
      `The database ${path} has ${broken.length} rows that point to missing ones: restore the backup from before the upgrade and report this.`,
    );
  }
  db.insert(instance).values({ only: 1, id: newInstanceId(), createdAt: nowMs }).onConflictDoNothing().run();
  const row = db.select().from(instance).get();
  if (row === undefined) throw new OperatorError(`The database ${path} has no instance id.`);
  return row.id;
}
