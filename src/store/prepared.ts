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

/** The same for several columns, each named after itself. */
export function givenEach<Name extends string>(names: readonly Name[]) {
  return Object.fromEntries(names.map((name) => [name, given(name)])) as Record<
    Name,
    ReturnType<typeof given>
  >;
}

/** The same for the SET of an UPDATE. */
export function setEach(columns: readonly string[]) {
  return Object.fromEntries(columns.map((column) => [column, sql`${given(column)}`]));
}

/** A query that differs by the columns that it writes: one for each set of them. */
export function preparedFor<Query>(
  build: (db: Connection, columns: readonly string[]) => Query,
): (db: Connection, columns: readonly string[]) => Query {
  const known = new Map<string, (db: Connection) => Query>();
  return (db, columns) => {
    const key = columns.join();
    const query = known.get(key) ?? prepared((connection) => build(connection, columns));
    known.set(key, query);
    return query(db);
  };
}
