import type { Connection } from './connection.ts';
import { eq } from './drizzle.ts';
import { poolHealth } from './schema.ts';

export type PoolHealthRow = typeof poolHealth.$inferSelect;

export function allPoolHealth(db: Connection): PoolHealthRow[] {
  return db.select().from(poolHealth).all();
}

export function findPoolHealth(db: Connection, pool: string): PoolHealthRow | undefined {
  return db.select().from(poolHealth).where(eq(poolHealth.pool, pool)).get();
}

export function writePoolHealth(db: Connection, row: PoolHealthRow): void {
  db.insert(poolHealth).values(row).onConflictDoUpdate({ target: poolHealth.pool, set: row }).run();
}

export function clearPoolHealth(db: Connection, pool: string): void {
  db.delete(poolHealth).where(eq(poolHealth.pool, pool)).run();
}
