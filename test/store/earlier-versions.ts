/** Databases of each earlier version of the schema, with the rows that `populated/` has of it. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import Database from 'better-sqlite3';
import { drizzle, migrate } from '../../src/store/drizzle.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const migrations = join(import.meta.dirname, '../../migrations');
/** Oldest first. */
export const versions = readdirSync(migrations)
  .filter((name) => name.endsWith('.sql'))
  .map((name) => basename(name, '.sql'))
  .sort();
export const fileOf = (version: string): string => join(import.meta.dirname, 'populated', `${version}.sql`);

export type Row = Readonly<Record<string, unknown>>;

/** The first migrations, up to and with this version. */
function migrationsUpTo(version: string): string {
  const folder = join(temporaryFolder(), 'migrations');
  cpSync(migrations, folder, { recursive: true });
  const file = join(folder, 'meta/_journal.json');
  const journal = JSON.parse(readFileSync(file, 'utf8')) as { entries: { tag: string }[] };
  const last = journal.entries.findIndex(({ tag }) => tag === version);
  if (last === -1) throw new Error(`${version} is not in the journal`);
  writeFileSync(file, JSON.stringify({ ...journal, entries: journal.entries.slice(0, last + 1) }));
  return folder;
}

/** @returns the path of a database of this version. */
export function populated(version: string): string {
  const path = join(temporaryFolder(), 'gha-slurm.sqlite');
  const sqlite = new Database(path);
  migrate(drizzle(sqlite), { migrationsFolder: migrationsUpTo(version) });
  sqlite.pragma('foreign_keys = ON');
  sqlite.exec(readFileSync(fileOf(version), 'utf8'));
  sqlite.close();
  return path;
}

export function tablesOf(sqlite: Database.Database): { name: string; sql: string }[] {
  const own = "select name, sql from sqlite_master where type = 'table' and name not like 'sqlite_%'";
  return (sqlite.prepare(own).all() as { name: string; sql: string }[]).filter(
    ({ name }) => name !== '__drizzle_migrations',
  );
}

/** All rows of all tables. */
export function contentOf(path: string): Map<string, Row[]> {
  const sqlite = new Database(path, { readonly: true });
  const content = new Map(
    tablesOf(sqlite).map(({ name }) => [name, sqlite.prepare(`select * from "${name}"`).all() as Row[]]),
  );
  sqlite.close();
  return content;
}
