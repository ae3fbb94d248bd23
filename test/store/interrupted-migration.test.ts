/** A migration that finds no room, at whatever page: the file is as it was, and the next try goes on from there. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { contentOf, populated, versions } from './earlier-versions.ts';

const migrateModule = join(import.meta.dirname, '../../src/store/migrate.ts');

/** In a process whose files may not grow beyond so many KiB, as on a disk without room. @returns what it says. */
function migrateWithin(kibibytes: number, path: string): string {
  const script = `const { migrateDatabase } = await import(${JSON.stringify(migrateModule)});
    try { migrateDatabase(${JSON.stringify(path)}, 0); console.log('migrated'); } catch (error) { console.log(error.message); }`;
  const node = [process.execPath, '--input-type=module', '-e', script];
  const { status, stdout, stderr } = spawnSync(
    'bash',
    ['-c', `ulimit -f ${kibibytes}; exec "$@"`, 'bash', ...node],
    {
      encoding: 'utf8',
    },
  );
  expect(status, stderr).toBe(0);
  return stdout.trim();
}

function isWhole(path: string): boolean {
  const sqlite = new Database(path, { readonly: true });
  const whole = sqlite.pragma('integrity_check', { simple: true }) === 'ok';
  sqlite.close();
  return whole;
}

it('an upgrade that finds no room leaves the file as it was', () => {
  const [oldest = ''] = versions;
  let failures = 0;
  // SQLite needs 32 KiB beside the file for the index of its log, before it writes any of it; a page has four.
  for (let kibibytes = 33, said = ''; said !== 'migrated'; kibibytes += 4) {
    const path = populated(oldest);
    const before = contentOf(path);
    said = migrateWithin(kibibytes, path);
    expect(isWhole(path)).toBe(true);
    if (said === 'migrated') break;
    failures += 1;
    expect(said).toMatch(/^The database .* can't be migrated \(.*\): it is as it was; /);
    expect(contentOf(path)).toStrictEqual(before);
    migrateDatabase(path, 0);
    expect(isWhole(path)).toBe(true);
  }
  expect(failures).toBeGreaterThan(2);
});
