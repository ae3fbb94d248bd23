import type Database from 'better-sqlite3';
import type { Connection } from './connection.ts';

interface Kept<Rows> {
  readonly version: string;
  readonly rows: Rows;
}

/**
 * A read whose answer is kept until something is written: thousands of rows that every turn of the loop asks for, and that
 * rarely change from one to the next. The rows are shared, so nobody may change them. Within a transaction SQLite is always asked,
 * since what that has written may yet be undone, which no counter tells.
 */
export function whileUnchanged<Rows>(read: (db: Connection) => Rows): (db: Connection) => Rows {
  const kept = new WeakMap<Database.Database, Kept<Rows>>();
  return (db) => {
    const { client } = (db as unknown as { session: { client: Database.Database } }).session;
    if (client.inTransaction) return read(db);
    const version = versionOf(client);
    const known = kept.get(client);
    if (known?.version === version) return known.rows;
    const rows = read(db);
    kept.set(client, { version, rows });
    return rows;
  };
}

/** Changes with every row that this connection writes, and with every commit of another one. */
function versionOf(client: Database.Database): string {
  const own = client.prepare('select total_changes()').pluck().get();
  return `${own}:${client.pragma('data_version', { simple: true })}`;
}
