/**
 * Every earlier version, populated, becomes the newest one with nothing lost. The versions are what is in the folder of
 * migrations; each has its rows in `populated/`, written while it was the newest, and never changed since.
 */
import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { openStore } from '../../src/store/open-store.ts';
import { contentOf, fileOf, populated, type Row, tablesOf, versions } from './earlier-versions.ts';

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
