/**
 * drizzle, by `require`. Its package.json is 180 KB, and Node reads that again for each of its hundred ES modules:
 * `import` takes 400 ms and 240 MiB of resident memory, `require` 75 ms and 62 MiB (Node 24, drizzle-orm 0.45). Types are
 * the same either way. drizzle-kit bundles the schema as CommonJS, where `import.meta.url` is not there.
 */
import { createRequire } from 'node:module';

declare const __filename: string;
const require = createRequire(import.meta.url ?? __filename);

const orm = require('drizzle-orm') as typeof import('drizzle-orm');
const core = require('drizzle-orm/sqlite-core') as typeof import('drizzle-orm/sqlite-core');
const driver = require('drizzle-orm/better-sqlite3') as typeof import('drizzle-orm/better-sqlite3');
const migrator =
  require('drizzle-orm/better-sqlite3/migrator') as typeof import('drizzle-orm/better-sqlite3/migrator');
const files = require('drizzle-orm/migrator') as typeof import('drizzle-orm/migrator');

export const {
  and,
  asc,
  desc,
  eq,
  getTableColumns,
  gt,
  gte,
  inArray,
  isNotNull,
  isNull,
  lt,
  lte,
  ne,
  or,
  sql,
} = orm;
export const { check, index, integer, primaryKey, sqliteTable, text, uniqueIndex } = core;
export type { SQL } from 'drizzle-orm';
export type { SQLiteColumn } from 'drizzle-orm/sqlite-core';
export const { drizzle } = driver;
export const { migrate } = migrator;
export const { readMigrationFiles } = files;
