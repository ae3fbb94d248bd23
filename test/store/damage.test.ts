/** Files that are really damaged, and what is said of them. */
import { closeSync, openSync, readFileSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { OperatorError } from '../../src/domain/errors.ts';
import { backUp } from '../../src/store/back-up.ts';
import { explainDamage, isDamage } from '../../src/store/damage.ts';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { openStore } from '../../src/store/open-store.ts';
import { insertEndedAllocations } from '../support/insert-ended-allocations.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const pageSize = 4_096;

/** A database of some 500 pages, closed, with nothing beside it. */
function database(): string {
  const path = join(temporaryFolder(), 'gha-slurm.sqlite');
  migrateDatabase(path, 1);
  const sqlite = new Database(path);
  insertEndedAllocations(sqlite, { count: 2_000 });
  sqlite.close();
  expect(statSync(path).size).toBeGreaterThan(300 * pageSize);
  return path;
}

/** Bytes as another program may write them there. */
function overwrite(path: string, position: number, length: number): void {
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(length, 0xa5), 0, length, position);
  closeSync(file);
}

/** An index says of a row what it was: each page is whole, and the table and its index do not agree. */
function leaveIndexEntry(path: string): void {
  const withSchema = <Result>(work: (sqlite: Database.Database) => Result): Result => {
    const sqlite = new Database(path);
    sqlite.unsafeMode();
    sqlite.pragma('writable_schema = ON');
    const result = work(sqlite);
    sqlite.close();
    return result;
  };
  const entry = withSchema((sqlite) => {
    const [found] = sqlite.prepare("select * from sqlite_schema where name = 'allocations_ended'").all();
    sqlite.prepare("delete from sqlite_schema where name = 'allocations_ended'").run();
    return found;
  });
  withSchema((sqlite) => sqlite.prepare('update allocations set ended_at = 1 where slurm_job_id = 7').run());
  withSchema((sqlite) =>
    sqlite.prepare('insert into sqlite_schema values (@type, @name, @tbl_name, @rootpage, @sql)').run(entry),
  );
  withSchema((sqlite) => expect(sqlite.pragma('quick_check', { simple: true })).toBe('ok'));
}

function middle(path: string): number {
  return Math.floor(statSync(path).size / pageSize / 2) * pageSize;
}

const damages: readonly (readonly [string, (path: string) => void])[] = [
  ['a page in the middle is overwritten', (path) => overwrite(path, middle(path), pageSize)],
  ['64 bytes at the start of a page in the middle are', (path) => overwrite(path, middle(path), 64)],
  ['the table of contents is', (path) => overwrite(path, 100, 200)],
  ['half of it is missing', (path) => truncateSync(path, middle(path))],
  ['it ends in the middle of a page', (path) => truncateSync(path, middle(path) + 1_000)],
  ['an index says what a row was', leaveIndexEntry],
  ['its last page is missing', (path) => truncateSync(path, statSync(path).size - pageSize)],
];

const damaged = (path: string): RegExp =>
  new RegExp(
    `^The database ${path} is damaged \\(.+\\): stop the service, .*'gha-slurm backup'.* to ${path}`,
  );
const noDatabase = /is not a SQLite database: check database\.path; .*restore a backup.*'gha-slurm backup'/;

/** What it throws; it has to throw. */
async function failureOf(work: () => unknown): Promise<OperatorError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof OperatorError) return error;
    throw error;
  }
  throw new Error('it was to fail');
}

const uses: readonly (readonly [string, (path: string) => unknown])[] = [
  ['openStore', (path) => openStore({ path, allowNetworkFileSystem: true })],
  ['migrateDatabase', (path) => migrateDatabase(path, 2)],
  [
    'backUp',
    (path) =>
      backUp({
        databasePath: path,
        file: `${path}.backup`,
        force: false,
        nowMs: 1,
        signal: AbortSignal.timeout(10_000),
      }),
  ],
];

describe.each(uses)('%s', (_name, use) => {
  it.each(damages)('refuses a file when %s, with one sentence and exit code 1', async (_what, damage) => {
    const path = database();
    damage(path);
    const error = await failureOf(() => use(path));
    expect(error.message).toMatch(damaged(path));
    expect(error.message).not.toContain('\n');
    expect(error.exitCode).toBe(1);
    expect(statSync(`${path}.backup`, { throwIfNoEntry: false })).toBeUndefined();
    // The refusal has let go of everything.
    await failureOf(() => use(path));
  });

  it.each([
    ['another kind of file', 'not a database, but long enough to be looked at as one'.repeat(100)],
    ['a short text', 'oops'],
    ['zeros', '\0'.repeat(8_192)],
  ])('refuses %s, and leaves it as it was', async (_what, text) => {
    const path = join(temporaryFolder(), 'file');
    writeFileSync(path, text);
    expect((await failureOf(() => use(path))).message).toMatch(noDatabase);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });
});

describe('an empty file', () => {
  it('is not migrated; migrate makes a database of it', async () => {
    const path = join(temporaryFolder(), 'gha-slurm.sqlite');
    writeFileSync(path, '');
    for (const [name, use] of uses.filter(([name]) => name !== 'migrateDatabase')) {
      expect((await failureOf(() => use(path))).message, name).toMatch(/is not migrated.*npm run migrate/);
    }
    migrateDatabase(path, 1);
    openStore({ path, allowNetworkFileSystem: true }).close();
  });
});

describe('a file that is too large to be checked at once', () => {
  const large = (path: string) => ({ path, allowNetworkFileSystem: true, checkAtOnceBytes: 0 });

  it('is checked beside the service', async () => {
    const path = database();
    const whole = openStore(large(path));
    onTestFinished(() => whole.close());
    expect(await whole.damage).toBeNull();
  });

  it('is found damaged where nobody has looked yet', async () => {
    const path = database();
    overwrite(path, middle(path), pageSize);
    const store = openStore(large(path));
    onTestFinished(() => store.close());
    const found = await store.damage;
    expect(found).toBeInstanceOf(OperatorError);
    expect(found?.message).toMatch(damaged(path));
  });

  it('can be closed in the middle of it', () => {
    const path = database();
    openStore(large(path)).close();
    openStore(large(path)).close();
  });
});

describe('what SQLite says', () => {
  it('is damage in whatever drizzle has wrapped it; all else stays what it is', () => {
    const path = database();
    const store = openStore({ path, allowNetworkFileSystem: true });
    onTestFinished(() => store.close());
    let constraint: unknown;
    try {
      store.db.run("insert into instance (only, id, created_at) values (1, 'second', 3)");
    } catch (error) {
      constraint = error;
    }
    expect(constraint).toBeInstanceOf(Error);
    expect(isDamage(constraint)).toBe(false);
    expect(explainDamage(constraint, path)).toBe(constraint);
    const corrupt = new Database.SqliteError('database disk image is malformed', 'SQLITE_CORRUPT_INDEX');
    const wrapped = new Error('Failed query', { cause: corrupt });
    expect(isDamage(wrapped)).toBe(true);
    expect(String(explainDamage(wrapped, path))).toContain('(database disk image is malformed)');
    expect(explainDamage(undefined, path)).toBeUndefined();
  });
});
