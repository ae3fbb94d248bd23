import Database from 'better-sqlite3';

const tables = ['instance', 'workflow_runs', 'workflow_jobs', 'allocations', 'allocation_events', 'runners'];
const all = tables.flatMap((table) => ['insert', 'update', 'delete'].map((verb) => `${verb} on ${table}`));
const name = 'disk_is_full';

/** SQLite's own answer to each of these writes on this connection, until the function that this returns is called. */
export function fillDisk(sqlite: Database.Database, writes: readonly string[] = all): () => void {
  let full = true;
  sqlite.function(name, () => {
    if (full) throw new Database.SqliteError('database or disk is full', 'SQLITE_FULL');
    return null;
  });
  for (const write of writes) {
    const trigger = `${name}_${write.replaceAll(' ', '_')}`;
    sqlite.exec(`create temp trigger if not exists ${trigger} before ${write} begin select ${name}(); end`);
  }
  return () => {
    full = false;
  };
}
