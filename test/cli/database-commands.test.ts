/** The commands as their users run them: what they print of the database, and how they end. */
import { execFile } from 'node:child_process';
import { closeSync, copyFileSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { openStore } from '../../src/store/open-store.ts';
import { insertEndedAllocations } from '../support/insert-ended-allocations.ts';
import { readLog, startService } from '../support/service-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { type WrittenConfig, writeConfig } from '../support/write-config.ts';

const main = join(import.meta.dirname, '../../src/cli/main.js');
const env = { GITHUB_TOKEN: 't', PATH: process.env['PATH'] ?? '' };

const backupNotice = "this database is a backup: run 'gha-slurm repair' to compare it with Slurm and GitHub";

interface Setting extends WrittenConfig {
  readonly folder: string;
}

/** Neither GitHub nor Slurm answers. */
async function setting(): Promise<Setting> {
  const folder = temporaryFolder();
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, 'jwt');
  const config = await writeConfig(folder, {
    apiUrl: 'http://127.0.0.1:9',
    repositories: ['acme/app'],
    slurmUrl: 'http://127.0.0.1:9',
    slurmUser: 'gha',
    slurmTokenFile: tokenFile,
    profiles: { 'slurm-small': { partition: 'ci', cpus: 1, memory: '1GiB', timeLimit: '10m' } },
  });
  return { ...config, folder };
}

function populate(path: string): void {
  migrateDatabase(path, 1);
  const sqlite = new Database(path);
  insertEndedAllocations(sqlite, { count: 2_000 });
  sqlite.close();
}

function overwriteMiddle(path: string): void {
  const file = openSync(path, 'r+');
  const page = Buffer.alloc(4_096, 0xa5);
  writeSync(file, page, 0, page.length, Math.floor(statSync(path).size / 8_192) * 4_096);
  closeSync(file);
}

interface Ended {
  readonly code: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

function run({ file }: WrittenConfig, ...command: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const args = [main, '--config', file, ...command];
    execFile(process.execPath, args, { env, timeout: 15_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

function serve(config: Setting, name = 'first') {
  const logFile = join(config.folder, `${name}.log`);
  const service = startService({ configFile: config.file, env, logFile });
  onTestFinished(() => void service.kill('SIGKILL'));
  const logged = (message: string) => readLog(logFile).find(({ msg }) => msg === message);
  return { ...service, logFile, logged };
}

describe('a damaged database', () => {
  it.each([[['serve']], [['migrate']], [['backup', 'copy']]])(
    'ends %j with 1 and one sentence',
    async (command) => {
      const config = await setting();
      populate(config.databaseFile);
      overwriteMiddle(config.databaseFile);
      const { code, stderr } = await run(config, ...command);
      expect(stderr).toMatch(
        /^gha-slurm: The database \S+ is damaged \(.*\): stop the service, .*'gha-slurm backup'.*\n$/,
      );
      expect(code).toBe(1);
    },
  );

  it('that is too large to be checked first ends the service when the damage is found', async () => {
    const config = await setting();
    populate(config.databaseFile);
    const sqlite = new Database(config.databaseFile);
    sqlite.exec(`create table filler (bytes blob); insert into filler values (zeroblob(${40 * 1_024 ** 2}))`);
    sqlite.close();
    overwriteMiddle(config.databaseFile);
    const service = serve(config);
    expect(await service.ended).toBe(1);
    expect(readFileSync(service.logFile, 'utf8')).toMatch(/^gha-slurm: The database \S+ is damaged/m);
    expect(service.logged('serving')).toBeDefined();
  });
});

describe('gha-slurm backup', () => {
  it('copies the database while the service runs; restored, the service says what it is', async () => {
    const config = await setting();
    populate(config.databaseFile);
    const first = serve(config);
    await until(() => first.logged('serving') !== undefined);
    const file = join(config.folder, 'copy');
    const beganMs = Date.now();
    const made = await run(config, 'backup', file);
    expect(made).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^\S+copy is a backup of \S+, \d+\.\d MiB\n$/),
      stderr: '',
    });
    const again = await run(config, 'backup', file);
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(/^gha-slurm: .* is there already: .*--force\.\n$/);
    expect((await run(config, 'backup', '--force', file)).code).toBe(0);
    expect(first.logged(backupNotice)).toBeUndefined();

    await first.kill('SIGKILL');
    copyFileSync(file, config.databaseFile);
    const second = serve(config, 'second');
    await until(() => second.logged(backupNotice) !== undefined);
    const takenAtMs = Date.parse(String(second.logged(backupNotice)?.['takenAt']));
    expect(takenAtMs).toBeGreaterThanOrEqual(beganMs);
    expect(takenAtMs).toBeLessThanOrEqual(Date.now());
    expect(await second.kill('SIGTERM')).toBe(0);
    const store = openStore({ path: config.databaseFile, allowNetworkFileSystem: true });
    expect(store.db.get<object>('select count(*) as count from allocations')).toEqual({ count: 2_000 });
    store.close();
  });
});
