import type { RunResult } from 'better-sqlite3';
import type { BaseSQLiteDatabase } from 'drizzle-orm/sqlite-core';

/** The database or a transaction on it: every function of `store` takes either. */
export type Connection = BaseSQLiteDatabase<'sync', RunResult, Record<string, never>>;
