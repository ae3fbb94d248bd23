/**
 * An online backup: a copy of one moment, whatever is written meanwhile. It is made beside its place under another name, marked as a
 * backup, checked, made durable, and only then given its name: what has that name is whole.
 *
 * SQLite starts a copy anew when another connection has written in the middle of it, so beside a busy service it would
 * never end. A read transaction around it holds the moment still: writers go on, and the copy takes 1.5 s for 420 MB.
 */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { OperatorError } from '../domain/errors.ts';
import { damagedDatabase, explainDamage, findDamage, sqliteErrorOf } from './damage.ts';
import { discardForeignWalAlone } from './foreign-wal.ts';
import { assertNotNewer } from './migrate.ts';

export interface BackUpOptions {
  readonly databasePath: string;
  /** The backup's place. */
  readonly file: string;
  /** Replace what is there. */
  readonly force: boolean;
  /** Milliseconds since the Unix epoch: the backup says that it was taken then. */
  readonly nowMs: number;
  /** Gives up between two steps of the copy, or before the check; its reason is thrown. */
  readonly signal: AbortSignal;
}

const pagesAtOnce = 1_000;

/**
 * @returns the size of the backup in bytes.
 * @throws OperatorError that says what to do; nothing is left of the backup then.
 */
export async function backUp({ databasePath, file, force, nowMs, signal }: BackUpOptions): Promise<number> {
  const target = resolve(file);
  refusePlace(databasePath, target, force);
  const partial = `${target}.partial-${randomUUID().slice(0, 8)}`;
  try {
    // SQLite would create it with the umask's mode.
    closeSync(openSync(partial, 'wx', 0o600));
    await copy(databasePath, partial, signal);
    signal.throwIfAborted();
    finish(databasePath, partial, nowMs);
    signal.throwIfAborted();
    makeDurable(partial);
    giveName(partial, target, force);
    makeDurable(dirname(target));
    return statSync(target).size;
  } catch (error) {
    throw explain(error, databasePath, target);
  } finally {
    for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(partial + suffix, { force: true });
  }
}

function refusePlace(databasePath: string, target: string, force: boolean): void {
  if (!existsSync(databasePath)) {
    throw new OperatorError(
      `There is no database at ${databasePath}: check database.path, or run 'npm run migrate' with the same configuration first.`,
    );
  }
  const folder = dirname(target);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new OperatorError(`There is no folder ${folder} for the backup: make it, or give another place.`);
  }
  const there = statSync(target, { throwIfNoEntry: false });
  if (there === undefined) return;
  const database = statSync(databasePath);
  if (there.ino === database.ino && there.dev === database.dev) {
    throw new OperatorError(`${target} is the database itself: give the backup another place.`);
  }
  if (!there.isFile()) throw new OperatorError(`${target} is not a file: give the backup another place.`);
  if (!force) throw taken(target);
}

const taken = (target: string): OperatorError =>
  new OperatorError(`${target} is there already: give the backup another name, or replace it with --force.`);

async function copy(databasePath: string, partial: string, signal: AbortSignal): Promise<void> {
  discardForeignWalAlone(databasePath);
  const source = new Database(databasePath, { fileMustExist: true });
  try {
    source.pragma('query_only = ON');
    assertNotNewer(source, databasePath);
    if (!hasMark(source)) {
      throw new OperatorError(
        `The database ${databasePath} is not migrated: run 'npm run migrate' with the same configuration first.`,
      );
    }
    source.exec('BEGIN');
    source.prepare('select 1 from instance').get();
    await source.backup(partial, {
      progress() {
        signal.throwIfAborted();
        return pagesAtOnce;
      },
    });
  } finally {
    source.close();
  }
}

/** Older schemas have it too, so that the program before or after an upgrade can make a backup. */
function hasMark(source: Database.Database): boolean {
  const column = "select 1 from pragma_table_info('instance') where name = 'backup_taken_at'";
  return source.prepare(column).get() !== undefined;
}

/** One file that needs no other beside it, with the mark, and whole. */
function finish(databasePath: string, partial: string, nowMs: number): void {
  const backup = new Database(partial, { fileMustExist: true });
  try {
    backup.pragma('journal_mode = DELETE');
    backup.prepare('update instance set backup_taken_at = ?').run(nowMs);
    const damage = findDamage(backup);
    if (damage !== null) throw damagedDatabase(databasePath, damage);
    const lost = backup.pragma('foreign_key_check') as readonly unknown[];
    if (lost.length > 0) {
      throw damagedDatabase(databasePath, `${lost.length} rows point to missing ones`);
    }
  } finally {
    backup.close();
  }
}

function makeDurable(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Without `force` by a link, which unlike a rename fails where somebody has put a file meanwhile. */
function giveName(partial: string, target: string, force: boolean): void {
  if (force) {
    renameSync(partial, target);
    return;
  }
  try {
    linkSync(partial, target);
    unlinkSync(partial);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw taken(target);
    // File systems without links.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'ENOSYS') throw error;
    renameSync(partial, target);
  }
}

function explain(error: unknown, databasePath: string, target: string): unknown {
  if (error instanceof OperatorError) return error;
  const explained = explainDamage(error, databasePath);
  if (explained !== error) return explained;
  const said = sqliteErrorOf(error);
  const { code } = error as NodeJS.ErrnoException;
  if (said?.code.startsWith('SQLITE_FULL') === true || code === 'ENOSPC' || code === 'EDQUOT') {
    return new OperatorError(
      `There is no room for the backup ${target}: free some, or give it a place on another disk.`,
      1,
      { cause: error },
    );
  }
  if (said === null && code === undefined) return error;
  return new OperatorError(
    `The backup ${target} can't be made (${said?.message ?? code}): check that this user may read ${databasePath} and may write there.`,
    1,
    { cause: error },
  );
}
