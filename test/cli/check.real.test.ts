/** What `gha-slurm check` says of profiles, held against what a real Slurm makes of them. */
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../../slurm/cluster/cluster.ts';
import { releases } from '../../slurm/cluster/root-file-system.ts';
import { startCluster } from '../../slurm/cluster/start-cluster.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { SlurmError } from '../../src/domain/errors.ts';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { simulatorForTest } from '../simulator/simulator-for-test.ts';
import { clientOf } from '../slurm/real-slurm.ts';
import { submitRequest } from '../slurm/submit-request.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { type WrittenConfig, writeConfig } from '../support/write-config.ts';

const small = { partition: 'ci', cpus: 1, memory: '256MiB', timeLimit: '5m' };

const good = {
  'slurm-plain': small,
  'slurm-two-partitions': { ...small, partition: ['gpu', 'ci'], timeLimit: '5d' },
  'slurm-gpu': { ...small, partition: 'gpu', gres: 'gpu:4' },
  'slurm-shards': { ...small, tres: 'gres/gpu:2' },
  'slurm-features': { ...small, constraint: 'ib&avx512' },
  'slurm-licenses': { ...small, licenses: 'matlab:2', nice: 5, comment: 'CI' },
};
/** With a word of what is said of it. */
const bad = {
  'slurm-no-partition': [{ ...small, partition: 'none' }, 'no partition none'],
  'slurm-long': [{ ...small, timeLimit: '8d' }, 'timeLimit'],
  'slurm-many-cpus': [{ ...small, cpus: 257 }, '257 CPUs'],
  'slurm-memory': [{ ...small, memory: '2TiB' }, 'memory'],
  'slurm-disk': [{ ...small, tmp: '1GiB' }, 'local disk'],
  'slurm-many-gpus': [{ ...small, gres: 'gpu:5' }, '5 of gres gpu'],
  'slurm-feature': [{ ...small, constraint: 'hbm' }, 'feature hbm'],
  'slurm-reservation': [{ ...small, reservation: 'monday' }, 'reservation monday'],
  'slurm-many-licenses': [{ ...small, licenses: 'matlab:3' }, 'licenses of matlab'],
  'slurm-excluded': [{ ...small, excludeNodes: 'node' }, 'does not exclude'],
} as const;

describe.skipIf(realSlurmMissing !== null).each(releases)('gha-slurm check, Slurm %s', (release) => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({
      name: `check-${process.pid}-${release}`,
      release,
      tieToParent: true,
      slurmConf: ['Licenses=matlab:2'],
    });
    const features = ['availablefeatures=ib,avx512', 'activefeatures=ib,avx512'];
    const { code } = await cluster.exec(['scontrol', 'update', 'nodename=node', ...features]);
    expect(code).toBe(0);
  });
  afterAll(() => cluster.stop());

  const configure = (
    profiles: Readonly<Record<string, object>>,
    apiUrl = 'http://127.0.0.1:9',
  ): Promise<WrittenConfig> =>
    writeConfig(temporaryFolder(), {
      apiUrl,
      repositories: ['acme/app'],
      slurmUrl: cluster.url,
      slurmUser: cluster.user,
      slurmTokenFile: cluster.tokenFile,
      profiles,
    });

  it('finds nothing in profiles that Slurm starts, and ends with 0', async () => {
    const config = await configure(good);
    const { code, lines } = await check(config);
    expect(lines.filter((line) => line.startsWith('profile'))).toEqual(
      Object.keys(good).map((name) => `profile ${name}: ok`),
    );
    expect(code).toBe(0);
    const api = clientOf(cluster);
    for (const profile of loadConfig(config.file, { GITHUB_TOKEN: 't' }).config.profiles.values()) {
      const request = submitRequest({ profile });
      const { id } = await api.submit(request);
      await until(async () => (await api.states([id])).get(id)?.[0] === 'RUNNING');
      await api.cancelByName(request.name, null);
      await until(async () => (await api.states([id])).get(id)?.[0] === 'CANCELLED');
    }
  });

  it('names what is wrong with profiles that Slurm refuses or never starts, and ends with 1', async () => {
    const config = await configure(
      Object.fromEntries(Object.entries(bad).map(([name, [profile]]) => [name, profile])),
    );
    const { code, lines } = await check(config);
    expect(code).toBe(1);
    for (const [name, [, word]] of Object.entries(bad)) {
      const at = lines.indexOf(`profile ${name}: can never start`);
      expect(at, name).toBeGreaterThan(-1);
      expect(lines[at + 1]).toContain(word);
    }
    const api = clientOf(cluster);
    for (const profile of loadConfig(config.file, { GITHUB_TOKEN: 't' }).config.profiles.values()) {
      const request = submitRequest({ profile });
      const answer = await api.submit(request).catch((error: unknown) => error);
      if (answer instanceof SlurmError) {
        expect(answer, profile.name).toMatchObject({ kind: 'refused' });
        continue;
      }
      const { id } = answer as { id: number };
      await until(async () => (await api.job(id, null))?.reason !== null);
      expect((await api.job(id, null))?.states, profile.name).toEqual(['PENDING']);
      await api.cancelByName(request.name, null);
    }
  });

  it('finds another gha-slurm that serves the label of a profile for the same repository, and ends with 1', async () => {
    const { url, token, control } = await simulatorForTest();
    control.addRepository('acme/app');
    const config = await configure({ 'slurm-plain': small, 'slurm-own': small }, url);
    const { instanceId } = migrateDatabase(config.databaseFile, Date.now());
    const register = (name: string, label: string) =>
      void control.addForeignRunner('acme/app', name, ['self-hosted', label]);
    register(`gha-${instanceId}-aaaaaaaaaaaaaaaa-1`, 'slurm-plain');
    register('gha-bbbbbbbb-aaaaaaaaaaaaaaaa-1', 'slurm-other');
    expect(await check(config, token)).toMatchObject({ code: 0 });
    register('ci-bbbbbbbb-cccccccccccccccc-1', 'Slurm-Plain');
    register('big-machine', 'slurm-own');
    const { code, lines } = await check(config, token);
    expect(code).toBe(1);
    const found = lines.filter((line) => /another gha-slurm, with|no gha-slurm has/.test(line));
    expect(found).toEqual([
      expect.stringMatching(
        /^another gha-slurm, with the instance bbbbbbbb, serves slurm-plain for acme\/app /,
      ),
      expect.stringMatching(/^note: the runner big-machine of acme\/app, .* has the label slurm-own/),
    ]);
    // Without its database nothing says which of them are its own.
    rmSync(config.databaseFile);
    const without = await check(config, token);
    expect(without.code).toBe(0);
    expect(without.lines.filter((line) => line.includes('database would say'))).toHaveLength(2);
  });

  it('says where GitHub can not be asked who else serves its profiles', async () => {
    const { code, lines } = await check(await configure({ 'slurm-plain': small }));
    expect(code).toBe(0);
    expect(lines.filter((line) => /^note: whether anybody else serves/.test(line))).toHaveLength(1);
  });

  it('names further fields that the version does not know; Slurm is not asked to start such a job', async () => {
    const config = await configure({ 'slurm-extra': { ...small, extra: { wckei: 'ci' } } });
    const { code, lines } = await check(config);
    expect({ code, line: lines[2] }).toEqual({
      code: 1,
      line: expect.stringMatching(/^ {2}extra: wckei is not known in the API v0\.0\.4\d\.$/),
    });
    const [profile] = loadConfig(config.file, { GITHUB_TOKEN: 't' }).config.profiles.values();
    const submitted = clientOf(cluster).submit(submitRequest(profile === undefined ? {} : { profile }));
    await expect(submitted).rejects.toMatchObject({ kind: 'refused', notCreated: true });
  });
});

function check({ file }: WrittenConfig, token = 't'): Promise<{ code: number | string; lines: string[] }> {
  const main = join(import.meta.dirname, '../../src/cli/main.js');
  const env = { GITHUB_TOKEN: token, PATH: process.env['PATH'] ?? '' };
  return new Promise((resolve) => {
    execFile(process.execPath, [main, '--config', file, 'check'], { env, timeout: 30_000 }, (error, stdout) =>
      resolve({ code: error === null ? 0 : (error.code ?? 1), lines: stdout.split('\n') }),
    );
  });
}
