/** What `gha-slurm check` says of accounts and qos, held against a Slurm that enforces its associations. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../../slurm/cluster/cluster.ts';
import { releases } from '../../slurm/cluster/root-file-system.ts';
import { startCluster } from '../../slurm/cluster/start-cluster.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { SlurmError } from '../../src/domain/errors.ts';
import { clientOf } from '../slurm/real-slurm.ts';
import { submitRequest } from '../slurm/submit-request.ts';
import { failureOf } from '../support/failure-of.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { writeConfig } from '../support/write-config.ts';
import { runCheck } from './run-check.ts';

const small = { partition: 'ci', cpus: 1, memory: '256MiB', timeLimit: '5m' };
const good = { 'slurm-plain': small, 'slurm-own': { ...small, account: 'ci', qos: 'normal' } };
const bad = {
  'slurm-account': { ...small, account: 'bio' },
  'slurm-qos': { ...small, qos: 'urgent' },
};

describe.skipIf(realSlurmMissing !== null).each(releases)('accounts, Slurm %s', (release) => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({
      name: `check-accounts-${process.pid}-${release}`,
      release,
      tieToParent: true,
      accounting: true,
      slurmConf: ['AccountingStorageEnforce=associations,qos'],
    });
  });
  afterAll(() => cluster.stop());

  it('asks accounting for those of the user, and doubts the others: Slurm refuses them', async () => {
    const config = await writeConfig(temporaryFolder(), {
      apiUrl: 'http://127.0.0.1:9',
      repositories: ['acme/app', { repository: 'acme/tool', user: 'daemon' }],
      slurmUrl: cluster.url,
      slurmUser: cluster.user,
      slurmTokenFile: cluster.tokenFile,
      slurmSigningKeyFile: cluster.keyFile,
      profiles: { ...good, ...bad },
    });
    const { code, lines } = await runCheck(config);
    expect(code).toBe(0);
    const verdicts = lines.filter((line) => line.startsWith('profile'));
    expect(verdicts).toEqual([
      'profile slurm-plain: ok',
      'profile slurm-own: ok',
      'profile slurm-account: may never start',
      'profile slurm-qos: may never start',
      ...Object.keys({ ...good, ...bad }).map((name) => `profile ${name} for acme/tool: may never start`),
    ]);
    expect(lines.join('\n')).toContain('Accounting has no account bio of the user gha');
    expect(lines.join('\n')).toContain('Accounting has no default account of the user daemon');

    const { profiles } = loadConfig(config.file, { GITHUB_TOKEN: 't' }).config;
    const slurm = clientOf(cluster);
    for (const [name, profile] of profiles) {
      const request = submitRequest({ profile });
      if (name in bad) {
        expect(await failureOf(SlurmError, slurm.submit(request)), name).toMatchObject({ kind: 'refused' });
        continue;
      }
      const { id } = await slurm.submit(request);
      await until(async () => (await slurm.states([id])).get(id)?.[0] === 'RUNNING');
      await slurm.cancelByName(request.name, null);
    }
  });
});
