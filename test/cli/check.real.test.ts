/** What `gha-slurm check` says of profiles, held against what a real Slurm makes of them. */
import { rmSync } from 'node:fs';
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
import { type ConfigValues, type WrittenConfig, writeConfig } from '../support/write-config.ts';
import { runCheck } from './run-check.ts';

const small = { partition: 'ci', cpus: 1, memory: '256MiB', timeLimit: '5m' };

const good = {
  'slurm-plain': small,
  'slurm-two-partitions': { ...small, partition: ['gpu', 'ci'], timeLimit: '5d' },
  'slurm-gpu': { ...small, partition: 'gpu', gres: 'gpu:4' },
  'slurm-shards': { ...small, tres: 'gres/gpu:2' },
  'slurm-features': { ...small, constraint: 'ib&avx512' },
  'slurm-hidden': { ...small, partition: 'secret' },
  'slurm-more-cpus-for-memory': { ...small, partition: 'percpu', memory: '1GiB' },
  'slurm-job-gpus': { ...small, extra: { tres_per_job: 'gres/gpu:2' } },
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
  'slurm-tres-license': [{ ...small, tres: 'license/matlab:1' }, 'no license/matlab:1 in tres'],
  'slurm-job-gpus': [{ ...small, extra: { tres_per_job: 'gres/gpu:9' } }, '9 of gres gpu'],
  'slurm-no-node': [{ ...small, excludeNodes: 'other[1-2]' }, 'no node other1'],
  'slurm-range-excluded': [{ ...small, excludeNodes: 'future[1-2],node' }, 'does not exclude'],
  'slurm-node-memory': [{ ...small, partition: 'pernode', memory: '1GiB' }, '1000 MiB of memory'],
  'slurm-cpu-memory': [{ ...small, partition: 'percpu', memory: '128GiB' }, '263 CPUs'],
  'slurm-more-nodes': [{ ...small, partition: 'large' }, '2 nodes at least'],
  'slurm-no-nodes': [{ ...small, partition: 'closed' }, 'MaxNodes is 0'],
  'slurm-excluded': [{ ...small, excludeNodes: 'node' }, 'does not exclude'],
} as const;

describe.skipIf(realSlurmMissing !== null).each(releases)('gha-slurm check, Slurm %s', (release) => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({
      name: `check-${process.pid}-${release}`,
      release,
      tieToParent: true,
      slurmConf: [
        'Licenses=matlab:2',
        'NodeName=future[1-2] State=FUTURE',
        'PartitionName=secret Nodes=node Hidden=YES State=UP',
        'PartitionName=percpu Nodes=node MaxMemPerCPU=500 State=UP',
        'PartitionName=pernode Nodes=node MaxMemPerNode=1000 State=UP',
        'PartitionName=large Nodes=node MinNodes=2 State=UP',
        'PartitionName=closed Nodes=node MaxNodes=0 State=UP',
        'PartitionName=group Nodes=node AllowGroups=staff State=UP',
        'PartitionName=account Nodes=node AllowAccounts=hpc State=UP',
      ],
    });
    const features = ['availablefeatures=ib,avx512', 'activefeatures=ib,avx512'];
    const { code } = await cluster.exec(['scontrol', 'update', 'nodename=node', ...features]);
    expect(code).toBe(0);
  });
  afterAll(() => cluster.stop());

  const configure = (
    profiles: Readonly<Record<string, object>>,
    values: Partial<ConfigValues> = {},
  ): Promise<WrittenConfig> =>
    writeConfig(temporaryFolder(), {
      apiUrl: 'http://127.0.0.1:9',
      repositories: ['acme/app'],
      slurmUrl: cluster.url,
      slurmUser: cluster.user,
      slurmTokenFile: cluster.tokenFile,
      profiles,
      ...values,
    });

  it('finds nothing in profiles that Slurm starts, and ends with 0', async () => {
    const config = await configure(good);
    const { code, lines } = await runCheck(config);
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
    const { code, lines } = await runCheck(config);
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
    const config = await configure({ 'slurm-plain': small, 'slurm-own': small }, { apiUrl: url });
    const { instanceId } = migrateDatabase(config.databaseFile, Date.now());
    const register = (name: string, label: string) =>
      void control.addForeignRunner('acme/app', name, ['self-hosted', label]);
    register(`gha-${instanceId}-aaaaaaaaaaaaaaaa-1`, 'slurm-plain');
    register('gha-bbbbbbbb-aaaaaaaaaaaaaaaa-1', 'slurm-other');
    expect(await runCheck(config, { token })).toMatchObject({ code: 0 });
    register('ci-bbbbbbbb-cccccccccccccccc-1', 'Slurm-Plain');
    register('big-machine', 'slurm-own');
    const { code, lines } = await runCheck(config, { token });
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
    const without = await runCheck(config, { token });
    expect(without.code).toBe(0);
    expect(without.lines.filter((line) => line.includes('database would say'))).toHaveLength(2);
  });

  it('says where GitHub can not be asked who else serves its profiles', async () => {
    const { code, lines } = await runCheck(await configure({ 'slurm-plain': small }));
    expect(code).toBe(0);
    expect(lines.filter((line) => /^note: whether anybody else serves/.test(line))).toHaveLength(1);
  });

  it('names further fields that the version does not know; Slurm is not asked to start such a job', async () => {
    const config = await configure({ 'slurm-extra': { ...small, extra: { wckei: 'ci' } } });
    const { code, lines } = await runCheck(config);
    expect({ code, line: lines[2] }).toEqual({
      code: 1,
      line: expect.stringMatching(/^ {2}extra: wckei is not known in the API v0\.0\.4\d\.$/),
    });
    const [profile] = loadConfig(config.file, { GITHUB_TOKEN: 't' }).config.profiles.values();
    const submitted = clientOf(cluster).submit(submitRequest(profile === undefined ? {} : { profile }));
    await expect(submitted).rejects.toMatchObject({ kind: 'refused', notCreated: true });
  });

  it('leaves to Slurm what it does not tell: whether a user is in a group, and whether it looks at accounts', async () => {
    const profiles = {
      'slurm-group': { ...small, partition: 'group' },
      'slurm-account': { ...small, partition: 'account', account: 'guests' },
    };
    const config = await configure(profiles);
    const { code, lines } = await runCheck(config);
    expect(code).toBe(0);
    expect(lines).toContain('profile slurm-group: ok, as far as is known');
    expect(lines).toContain(
      '  Not known: whether gha is in a group that the partition group allows (staff).',
    );
    expect(lines).toContain('profile slurm-account: may never start');
    // This one does not look: the job runs.
    const profile = loadConfig(config.file, { GITHUB_TOKEN: 't' }).config.profiles.get('slurm-account');
    const request = submitRequest(profile === undefined ? {} : { profile });
    const { id } = await clientOf(cluster).submit(request);
    await until(async () => (await clientOf(cluster).states([id])).get(id)?.[0] === 'RUNNING');
    await clientOf(cluster).cancelByName(request.name, null);
  });

  it("judges each profile with a repository's own account, and submits as its user", async () => {
    const config = await configure(
      { 'slurm-plain': { ...small, partition: 'account' } },
      {
        repositories: [
          'acme/app',
          { repository: 'acme/site', account: 'guests' },
          { repository: 'acme/tool', user: 'daemon' },
          { repository: 'acme/docs', user: 'daemon' },
        ],
        slurmSigningKeyFile: cluster.keyFile,
      },
    );
    const { lines } = await runCheck(config, { options: ['--node', '--wait', '60s'] });
    expect(lines.filter((line) => line.startsWith('profile'))).toEqual([
      'profile slurm-plain: ok',
      'profile slurm-plain for acme/site: may never start',
      'profile slurm-plain for acme/tool, acme/docs: ok',
    ]);
    const jobs = await clientOf(cluster).listJobs(null);
    const own = jobs.filter(({ name }) => name.startsWith('gha-check-'));
    expect(own.map(({ user }) => user).sort()).toEqual(['daemon', 'gha', 'gha']);
    expect(lines.filter((line) => line.startsWith('a job of profile')).length).toBe(3);
    expect(lines.join('\n')).toMatch(/a job of profile slurm-plain for acme\/tool, acme\/docs: .* on node/);
  });

  it.each(['nodes', 'partitions', 'nodes,partitions'])(
    'goes on without what PrivateData=%s keeps from the user, and says so',
    async (listings) => {
      await keepPrivate(cluster, listings);
      const profiles = { 'slurm-plain': small, 'slurm-reservation': { ...small, reservation: 'monday' } };
      const { code, lines } = await runCheck(await configure(profiles));
      expect(code).toBe(1);
      for (const listing of listings.split(','))
        expect(lines.filter((line) => line.startsWith(`not known: ${listing}. Slurm `))).toEqual([
          expect.stringContaining(`PrivateData=${listing} in its configuration`),
        ]);
      expect(lines).toContain('profile slurm-plain: ok, as far as is known');
      expect(lines).toContain('profile slurm-reservation: can never start');
    },
  );
});

/** A cluster that keeps nodes private from the start is not seen to get ready. */
async function keepPrivate(cluster: Cluster, listings: string): Promise<void> {
  const conf = '/etc/slurm/slurm.conf';
  const script = `sed -i /^PrivateData/d ${conf} && echo PrivateData=${listings} >> ${conf} && scontrol reconfigure`;
  expect(await cluster.exec(['sh', '-c', script])).toMatchObject({ code: 0 });
  await until(async () => {
    const { stdout } = await cluster.exec(['scontrol', 'show', 'config']);
    return new RegExp(`^PrivateData += ${listings}$`, 'm').test(stdout);
  });
}
