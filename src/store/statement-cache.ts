import type Database from 'better-sqlite3';

/**
 * Keeps compiled statements by their text. drizzle compiles a query each time that it runs, and SQLite's memory for it
 * is freed only when the garbage collector gets to it: a thousand inserts took 16 MiB until then.
 * Bounded, since a list of ids makes a text of its own for each length: the least recently used goes first.
 */
export function cacheStatements(sqlite: Database.Database, most = 200): void {
  const compile = sqlite.prepare.bind(sqlite);
  const kept = new Map<string, Database.Statement>();
  const prepare = (text: string): Database.Statement => {
    const statement = kept.get(text) ?? compile(text);
    kept.delete(text);
    kept.set(text, statement);
    const [oldest] = kept.keys();
    if (kept.size > most && oldest !== undefined) kept.delete(oldest);
    return statement;
  };
  sqlite.prepare = prepare as typeof sqlite.prepare;
}
