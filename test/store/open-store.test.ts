import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { networkFileSystemOf } from '../../src/store/network-file-system.ts';
import { openStore } from '../../src/store/open-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { temporaryStore } from '../support/temporary-store.ts';

const options = (path: string) => ({ path, allowNetworkFileSystem: true });

function migrated(): string {
  const path = join(temporaryFolder(), 'data', 'gha-slurm.sqlite');
  migrateDatabase(path, 1);
  return path;
}

describe('migrate', () => {
  it('makes the folder, the file with mode 0600 and the instance id; again, it changes nothing', () => {
    const path = migrated();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const first = migrateDatabase(path, 2);
    expect(first.instanceId).toMatch(/^[a-z2-7]{8}$/);
    expect(migrateDatabase(path, 3)).toEqual(first);
  });

  it('refuses a database of a newer version, and leaves it as it was', () => {
    const path = migrated();
    const sqlite = new Database(path);
    sqlite.prepare("insert into __drizzle_migrations (hash, created_at) values ('x', 9999999999999)").run();
    sqlite.close();
    expect(() => migrateDatabase(path, 2)).toThrow(/newer gha-slurm.*restore a backup/);
    expect(() => openStore(options(path))).toThrow(/newer gha-slurm/);
  });
});

describe('openStore', () => {
  it('has what a power cut asks for: WAL, synchronous FULL, foreign keys', () => {
    const path = migrated();
    const store = openStore(options(path));
    onTestFinished(() => store.close());
    const pragma = (name: string) => store.db.get<Record<string, unknown>>(`pragma ${name}`);
    expect(Object.values(pragma('journal_mode') ?? {})).toEqual(['wal']);
    expect(Object.values(pragma('synchronous') ?? {})).toEqual([2]);
    expect(Object.values(pragma('foreign_keys') ?? {})).toEqual([1]);
  });

  it('takes the rights of others away, from what SQLite puts beside the file too', () => {
    const path = migrated();
    chmodSync(path, 0o644);
    const store = openStore(options(path));
    onTestFinished(() => store.close());
    store.db.run('update instance set created_at = 5');
    for (const file of [path, `${path}-wal`, `${path}-shm`]) {
      expect(existsSync(file) && (statSync(file).mode & 0o777).toString(8), file).toBe('600');
    }
  });

  it.each([
    ['there is none', () => join(temporaryFolder(), 'none.sqlite'), /npm run migrate/],
    [
      'it is not migrated',
      () => {
        const path = join(temporaryFolder(), 'empty.sqlite');
        new Database(path).close();
        writeFileSync(path, '');
        return path;
      },
      /not migrated.*npm run migrate/,
    ],
    [
      'it is no database',
      () => {
        const path = join(temporaryFolder(), 'text.sqlite');
        writeFileSync(path, 'not a database, but long enough to be looked at as one'.repeat(100));
        return path;
      },
      /is not a SQLite database: check database\.path.*restore a backup/,
    ],
  ])('refuses a file when %s, and says what to do', (_what, make, sentence) => {
    const path = make();
    expect(() => openStore(options(path))).toThrow(sentence);
    // The refusal has let go of the lock.
    expect(() => openStore(options(path))).toThrow(sentence);
  });

  it('refuses a network file system unless it is allowed', () => {
    const nfs = () => ({ type: 0x6969 });
    expect(networkFileSystemOf('/data', nfs)).toBe('NFS');
    expect(networkFileSystemOf('/data', () => ({ type: 0xff534d42 | 0 }))).toBe('CIFS');
    expect(networkFileSystemOf('/data', () => ({ type: 0xef53 }))).toBeNull();
    const { path } = temporaryStore();
    expect(networkFileSystemOf(dirname(path), nfs)).toBe('NFS');
  });
});

describe('one service per file', () => {
  it('refuses a second one in this process at once, and lets it in after the first has closed', () => {
    const path = migrated();
    const first = openStore(options(path));
    expect(() => openStore(options(path))).toThrow(/Another gha-slurm service is using .*database\.path/);
    first.close();
    openStore(options(path)).close();
  });

  it('refuses a lock that is another kind of file, and says which', () => {
    const path = migrated();
    writeFileSync(`${path}.lock`, 'not a lock, but long enough to be looked at as one'.repeat(100));
    expect(() => openStore(options(path))).toThrow(/The lock .*\.lock can't be taken \(.*\): .*delete it/);
  });

  it('refuses a second process; right after a SIGKILL of the first the file is free', async () => {
    const path = migrated();
    const program = `
      import { openStore } from ${JSON.stringify(join(import.meta.dirname, '../../src/store/open-store.ts'))};
      openStore({ path: ${JSON.stringify(path)}, allowNetworkFileSystem: true });
      // Nothing refers to the store any more: the lock stays all the same.
      setTimeout(() => {
        globalThis.gc();
        setImmediate(() => console.log('open'));
      });
      setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void holder.kill('SIGKILL'));
    await once(holder.stdout, 'data');
    expect(() => openStore(options(path))).toThrow(/Another gha-slurm service/);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    openStore(options(path)).close();
  });
});
