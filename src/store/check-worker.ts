/** The thread of check-beside.ts: given the path of a database, it sends what `findDamage` finds. */
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { findDamage, isDamage } from './damage.ts';

function check(path: string): string | null {
  const sqlite = new Database(path, { readonly: true });
  try {
    return findDamage(sqlite);
  } catch (error) {
    if (!isDamage(error)) throw error;
    return (error as Error).message;
  } finally {
    sqlite.close();
  }
}

parentPort?.postMessage(check(String(workerData)));
