import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { OperatorError } from '../../src/domain/errors.ts';
import { backUp } from '../../src/store/back-up.ts';
import { backupTakenAt, clearBackupMark } from '../../src/store/backup-mark.ts';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { openStore } from '../../src/store/open-store.ts';
import { failureOf } from '../support/failure-of.ts';
import { insertEndedAllocations } from '../support/insert-ended-allocations.ts';
import { startWriter } from '../support/start-writer.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const takenAtMs = Date.UTC(2026, 0, 5, 9);

function database(count = 100): string {
  const path = join(temporaryFolder(), 'gha-slurm.sqlite');
  migrateDatabase(path, 1);
  const sqlite = new Database(path);
  insertEndedAllocations(sqlite, { count });
  sqlite.close();
  return path;
}

function make(
  databasePath: string,
  file = `${databasePath}.backup`,
  { force = false, signal = AbortSignal.timeout(20_000) } = {},
): Promise<number> {
  return backUp({ databasePath, file, force, nowMs: takenAtMs, signal });
}

const refusal = async (backup: Promise<number>): Promise<string> =>
  (await failureOf(OperatorError, backup)).message;

function read(path: string, query: string): unknown {
  const sqlite = new Database(path, { readonly: true });
  try {
    return sqlite.prepare(query).pluck().get();
  } finally {
    sqlite.close();
  }
}

/** What is beside a file, but for that one. */
const besides = (file: string): string[] =>
  readdirSync(dirname(file)).filter((name) => name.startsWith(basename(file)) && name !== basename(file));

describe('a backup', () => {
  it('is one file with everything, for its owner alone, and says when it was taken', async () => {
    const path = database();
    const file = join(dirname(path), 'copy');
    expect(await make(path, file)).toBe(statSync(file).size);
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    expect(besides(file)).toEqual([]);
    expect(read(file, 'pragma journal_mode')).toBe('delete');
    expect(read(file, 'select count(*) from allocations')).toBe(100);
    expect(read(file, 'select count(*) from workflow_jobs')).toBe(100);
    expect(read(file, 'select backup_taken_at from instance')).toBe(takenAtMs);
    expect(read(path, 'select backup_taken_at from instance')).toBeNull();
    expect(read(file, 'select id from instance')).toBe(read(path, 'select id from instance'));
  });

  it('replaces a file only when it is told to', async () => {
    const path = database();
    const file = join(dirname(path), 'copy');
    writeFileSync(file, 'precious', { mode: 0o644 });
    expect(await refusal(make(path, file))).toMatch(/copy is there already: .*another name.*--force/);
    expect(readFileSync(file, 'utf8')).toBe('precious');
    await make(path, file, { force: true });
    expect(read(file, 'select count(*) from allocations')).toBe(100);
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    expect(besides(file)).toEqual([]);
  });

  it('does not replace a file that has come meanwhile', async () => {
    const path = database();
    const file = join(dirname(path), 'copy');
    const backup = make(path, file);
    writeFileSync(file, 'precious');
    expect(await refusal(backup)).toMatch(/is there already/);
    expect(readFileSync(file, 'utf8')).toBe('precious');
    expect(besides(file)).toEqual([]);
  });

  it.each<readonly [string, (path: string) => string, RegExp]>([
    [
      'in no folder',
      (path) => join(dirname(path), 'none', 'copy'),
      /no folder .*none for the backup: make it/,
    ],
    ['in a file', (path) => join(path, 'copy'), /no folder .*for the backup/],
    [
      'on a folder',
      (path) => {
        mkdirSync(join(dirname(path), 'folder'));
        return join(dirname(path), 'folder');
      },
      /folder is not a file: give the backup another place/,
    ],
    ['on the database', (path) => path, /is the database itself/],
    [
      'on a link to the database',
      (path) => {
        symlinkSync(path, `${path}.link`);
        return `${path}.link`;
      },
      /is the database itself/,
    ],
  ])('is not made %s, by force neither', async (_what, place, sentence) => {
    const path = database();
    const file = place(path);
    expect(await refusal(make(path, file, { force: true }))).toMatch(sentence);
    expect(read(path, 'select count(*) from allocations')).toBe(100);
  });

  it.each<readonly [string, (path: string) => void, RegExp]>([
    ['missing', () => undefined, /There is no database at .*: check database\.path/],
    ['empty', (path) => writeFileSync(path, ''), /is not migrated.*npm run migrate/],
    [
      'newer',
      (path) => {
        migrateDatabase(path, 1);
        const sqlite = new Database(path);
        sqlite.exec("insert into __drizzle_migrations (hash, created_at) values ('x', 9999999999999)");
        sqlite.close();
      },
      /made by a newer gha-slurm/,
    ],
  ])('of a database that is %s is refused', async (_what, prepare, sentence) => {
    const path = join(temporaryFolder(), 'gha-slurm.sqlite');
    prepare(path);
    expect(await refusal(make(path))).toMatch(sentence);
    expect(besides(`${path}.backup`)).toEqual([]);
    expect(existsSync(`${path}.backup`)).toBe(false);
  });

  it('is given up in the middle of the copy when its time is over, and nothing is left of it', async () => {
    const path = database(20_000);
    const steps = Math.ceil(statSync(path).size / 4_096 / 1_000);
    expect(steps).toBeGreaterThan(4);
    const stop = new AbortController();
    const { signal } = stop;
    // It is asked after each step of the copy.
    let asked = 0;
    signal.throwIfAborted = () => {
      asked += 1;
      if (asked === 2) stop.abort(new OperatorError('too late'));
      AbortSignal.prototype.throwIfAborted.call(signal);
    };
    expect(await refusal(make(path, `${path}.backup`, { signal }))).toBe('too late');
    expect(asked).toBe(2);
    expect(readdirSync(dirname(path)).filter((name) => name.includes('backup'))).toEqual([]);
  });

  it('comes to an end although somebody writes between any two of its steps', async () => {
    const path = database(20_000);
    const writer = new Database(path);
    onTestFinished(() => void writer.close());
    let writes = 0;
    const write = (): void => {
      if (!writer.open) return;
      writes += 1;
      writer.exec('update instance set created_at = created_at + 1');
      setImmediate(write);
    };
    write();
    await make(path, `${path}.backup`, { signal: AbortSignal.timeout(5_000) });
    expect(writes).toBeGreaterThan(4);
    expect(read(`${path}.backup`, 'select count(*) from allocations')).toBe(20_000);
    expect(read(`${path}.backup`, 'select created_at from instance')).toBe(2);
  });

  it('of a database that another process writes to is of one moment, each with all that belongs together', async () => {
    const path = database(20_000);
    const writer = await startWriter(path);
    const counts: number[] = [];
    for (const round of [1, 2, 3]) {
      const file = `${path}.backup-${round}`;
      const before = Number(read(path, 'select count(*) from allocations'));
      await make(path, file);
      const after = Number(read(path, 'select count(*) from allocations'));
      const inBackup = Number(read(file, 'select count(*) from allocations'));
      expect(inBackup).toBeGreaterThanOrEqual(before);
      expect(inBackup).toBeLessThanOrEqual(after);
      expect(after, 'written meanwhile').toBeGreaterThan(before);
      // Each allocation is written with its event.
      expect(read(file, "select count(*) from allocation_events where to_state = 'submitting'")).toBe(
        inBackup,
      );
      counts.push(inBackup);
    }
    expect(counts).toEqual([...new Set(counts)].sort((a, b) => a - b));
    expect(writer.exitCode).toBeNull();
  });
});

/** A mount namespace in which a small file system can be put; null where this machine has none. */
const ownMounts = [['--mount'], ['--map-root-user', '--mount']].find(
  (options) => spawnSync('unshare', [...options, 'sh', '-c', 'mount -t tmpfs tmpfs /mnt']).status === 0,
);
if (ownMounts === undefined) console.warn('a full disk is left out: no mount namespaces here');

it.skipIf(ownMounts === undefined)('a backup that has no room says so, and leaves nothing', () => {
  const path = database(2_000);
  const folder = join(dirname(path), 'full');
  mkdirSync(folder);
  const program = `
    import { readdirSync } from 'node:fs';
    import { backUp } from ${JSON.stringify(join(import.meta.dirname, '../../src/store/back-up.ts'))};
    const signal = AbortSignal.timeout(20_000);
    await backUp({ databasePath: ${JSON.stringify(path)}, file: ${JSON.stringify(join(folder, 'copy'))}, force: false, nowMs: 1, signal })
      .catch((error) => console.log(error.name + ': ' + error.message));
    console.log(readdirSync(${JSON.stringify(folder)}).length);`;
  const script = 'mount -t tmpfs -o size=256k tmpfs "$1" && exec "$2" --input-type=module -e "$3"';
  const { stdout, stderr } = spawnSync(
    'unshare',
    [...(ownMounts ?? []), 'sh', '-c', script, 'sh', folder, process.execPath, program],
    { encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^OperatorError: There is no room for the backup .*copy: free some, .*\n0\n$/);
});

describe('a backup that was copied to the place of the database', () => {
  const open = (path: string) => {
    const store = openStore({ path, allowNetworkFileSystem: true });
    onTestFinished(() => store.close());
    return store;
  };

  it('is told from a database by its mark, until somebody clears that', async () => {
    const path = database();
    await make(path);
    expect(backupTakenAt(open(path).db)).toBeNull();
    const restored = join(temporaryFolder(), 'gha-slurm.sqlite');
    copyFileSync(`${path}.backup`, restored);
    migrateDatabase(restored, 3);
    const store = openStore({ path: restored, allowNetworkFileSystem: true });
    expect(backupTakenAt(store.db)).toBe(takenAtMs);
    clearBackupMark(store.db);
    store.close();
    const again = open(restored);
    expect(backupTakenAt(again.db)).toBeNull();
    expect(again.db.get<object>('pragma journal_mode')).toEqual({ journal_mode: 'wal' });
  });

  it('that was made of such a backup says when it was taken itself', async () => {
    const path = database();
    await make(path);
    await backUp({
      databasePath: `${path}.backup`,
      file: `${path}.second`,
      force: false,
      nowMs: takenAtMs + 5,
      signal: AbortSignal.timeout(20_000),
    });
    expect(read(`${path}.second`, 'select backup_taken_at from instance')).toBe(takenAtMs + 5);
  });

  it.each([
    ['openStore', (path: string) => openStore({ path, allowNetworkFileSystem: true }).close()],
    ['migrateDatabase', (path: string) => void migrateDatabase(path, 3)],
    ['backUp', (path: string) => make(path, `${path}.second`)],
  ])('takes nothing over from what a killed service left beside the old file: %s', async (_name, use) => {
    const path = database();
    await make(path);
    const writer = await startWriter(path);
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
    copyFileSync(`${path}.backup`, path);
    await use(path);
    const store = open(path);
    expect(store.db.get<object>('select count(*) as count from allocations')).toEqual({ count: 100 });
    expect(store.db.get<object>('pragma integrity_check')).toEqual({ integrity_check: 'ok' });
    expect(backupTakenAt(store.db)).toBe(takenAtMs);
  });

  it('leaves alone what a killed service left beside its own file', async () => {
    const path = database();
    const writer = await startWriter(path);
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    const { count } = open(path).db.get<{ count: number }>('select count(*) as count from allocations') ?? {
      count: 0,
    };
    expect(count).toBeGreaterThanOrEqual(120);
  });
});
