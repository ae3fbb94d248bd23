/**
 * Every earlier version, populated, becomes the newest one with nothing lost. The versions are what is in the folder of
 * migrations; each has its rows in `populated/`, written while it was the newest, and never changed since.
 */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { drizzle, migrate } from '../../src/store/drizzle.ts';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { openStore } from '../../src/store/open-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const migrations = join(import.meta.dirname, '../../migrations');
const versions = readdirSync(migrations)
  .filter((name) => name.endsWith('.sql'))
  .map((name) => basename(name, '.sql'))
  .sort();
const fileOf = (version: string): string => join(import.meta.dirname, 'populated', `${version}.sql`);

type Row = Readonly<Record<string, unknown>>;

/** The first migrations, up to and with this version. */
function migrationsUpTo(version: string): string {
  const folder = join(temporaryFolder(), 'migrations');
  cpSync(migrations, folder, { recursive: true });
  const file = join(folder, 'meta/_journal.json');
  const journal = JSON.parse(readFileSync(file, 'utf8')) as { entries: { tag: string }[] };
  const last = journal.entries.findIndex(({ tag }) => tag === version);
  expect(last, `${version} in the journal`).not.toBe(-1);
  writeFileSync(file, JSON.stringify({ ...journal, entries: journal.entries.slice(0, last + 1) }));
  return folder;
}

function populated(version: string): string {
  const path = join(temporaryFolder(), 'gha-slurm.sqlite');
  const sqlite = new Database(path);
  migrate(drizzle(sqlite), { migrationsFolder: migrationsUpTo(version) });
  sqlite.pragma('foreign_keys = ON');
  sqlite.exec(readFileSync(fileOf(version), 'utf8'));
  sqlite.close();
  return path;
}

function tablesOf(sqlite: Database.Database): { name: string; sql: string }[] {
  const own = "select name, sql from sqlite_master where type = 'table' and name not like 'sqlite_%'";
  return (sqlite.prepare(own).all() as { name: string; sql: string }[]).filter(
    ({ name }) => name !== '__drizzle_migrations',
  );
}

/** All rows of all tables. */
function contentOf(path: string): Map<string, Row[]> {
  const sqlite = new Database(path, { readonly: true });
  const content = new Map(
    tablesOf(sqlite).map(({ name }) => [name, sqlite.prepare(`select * from "${name}"`).all() as Row[]]),
  );
  sqlite.close();
  return content;
}

it('there are versions', () => {
  expect(versions[0]).toBe('0000_initial');
});

describe.each(versions)('version %s', (version) => {
  it('has rows to be upgraded', () => {
    expect(
      existsSync(fileOf(version)),
      `write ${fileOf(version)}: rows of every table in every state, as this version has them`,
    ).toBe(true);
  });

  it('has rows in every table, a value in every column, and every state that a CHECK names', () => {
    const sqlite = new Database(populated(version), { readonly: true });
    const missing: string[] = [];
    for (const { name, sql } of tablesOf(sqlite)) {
      const rows = sqlite.prepare(`select * from "${name}"`).all() as Row[];
      const has = (column: string, wanted: (value: unknown) => boolean): boolean =>
        rows.some((row) => wanted(row[column]));
      const columns = sqlite.pragma(`table_info("${name}")`) as { name: string }[];
      for (const column of columns) {
        if (!has(column.name, (value) => value !== null)) missing.push(`${name}.${column.name}`);
      }
      for (const [, column = '', list = ''] of sql.matchAll(/CHECK\("\w+"\."(\w+)" in \(([^)]*)\)\)/g)) {
        for (const [, state] of list.matchAll(/'(\w+)'/g)) {
          if (!has(column, (value) => value === state)) missing.push(`${name}.${column} = ${state}`);
        }
      }
    }
    sqlite.close();
    expect(missing).toEqual([]);
  });

  it('becomes the newest with nothing lost', () => {
    const path = populated(version);
    const before = contentOf(path);
    expect(migrateDatabase(path, 5)).toEqual({ instanceId: 'abcdefgh' });
    const after = contentOf(path);
    for (const [table, rows] of before) {
      // Columns may come; those that are there stay, and so does what is in them.
      const columns = Object.keys(rows[0] ?? {});
      const kept = after
        .get(table)
        ?.map((row) => Object.fromEntries(columns.map((column) => [column, row[column]])));
      expect(kept, table).toEqual(rows);
    }
    const sqlite = new Database(path);
    expect(sqlite.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(sqlite.pragma('foreign_key_check')).toEqual([]);
    sqlite.close();
    openStore({ path, allowNetworkFileSystem: true }).close();
    expect(migrateDatabase(path, 6)).toEqual({ instanceId: 'abcdefgh' });
    expect(contentOf(path)).toEqual(after);
  });
});
