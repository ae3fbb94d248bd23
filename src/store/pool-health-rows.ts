import type { Connection } from './connection.ts';
import { eq } from './drizzle.ts';
import { given, prepared } from './prepared.ts';
import { poolHealth } from './schema.ts';

export type PoolHealthRow = typeof poolHealth.$inferSelect;

const all = prepared((db) => db.select().from(poolHealth).prepare());
const ofPool = prepared((db) =>
  db
    .select()
    .from(poolHealth)
    .where(eq(poolHealth.pool, given('pool')))
    .prepare(),
);

export function allPoolHealth(db: Connection): PoolHealthRow[] {
  return all(db).all();
}

export function findPoolHealth(db: Connection, pool: string): PoolHealthRow | undefined {
  return ofPool(db).get({ pool });
}

export function writePoolHealth(db: Connection, row: PoolHealthRow): void {
  db.insert(poolHealth).values(row).onConflictDoUpdate({ target: poolHealth.pool, set: row }).run();
}

export function clearPoolHealth(db: Connection, pool: string): void {
  db.delete(poolHealth).where(eq(poolHealth.pool, pool)).run();
}
