import type { Connection } from './connection.ts';
import { sql } from './drizzle.ts';

/**
 * A query that drizzle puts together once for each database, instead of each time: that takes ten times as long as SQLite does for
 * its answer. For what every turn of the loop asks. A transaction has the session of its database, so both share it.
 */
export function prepared<Query>(build: (db: Connection) => Query): (db: Connection) => Query {
  const kept = new WeakMap<object, Query>();
  return (db) => {
    const { session } = db as unknown as { session: object };
    const known = kept.get(session);
    if (known !== undefined) return known;
    const fresh = build(db);
    kept.set(session, fresh);
    return fresh;
  };
}

/** A value that a prepared query is given each time. */
export const given = (name: string) => sql.placeholder(name);
