/** The contract, and how Slurm words and numbers things, on every release and in every version of the API that it serves. */
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { servedVersions as versionsIn } from '../../openapi/trim.ts';
import type { Cluster } from '../../slurm/cluster/cluster.ts';
import { type Release, releases } from '../../slurm/cluster/root-file-system.ts';
import { type ClusterOptions, startCluster } from '../../slurm/cluster/start-cluster.ts';
import { SlurmError } from '../../src/domain/errors.ts';
import { slurmEndpoint } from '../../src/slurm/connect.ts';
import { noteWarnings, type SlurmWarning } from '../../src/slurm/note-warnings.ts';
import { failureOf } from '../support/failure-of.ts';
import { fixedToken } from '../support/fixed-token.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { slurmContract, slurmFaults } from './contract.ts';
import { clientOf, complaints, servedVersions, underTest } from './real-slurm.ts';
import { submitRequest } from './submit-request.ts';

let clusters = 0;
function start(release: Release, options: Partial<ClusterOptions> = {}): Promise<Cluster> {
  clusters += 1;
  return startCluster({
    name: `contract-${process.pid}-${clusters}`,
    release,
    tieToParent: true,
    ...options,
  });
}
const failure = (call: Promise<unknown>): Promise<SlurmError> => failureOf(SlurmError, call);

afterEach(() => expect(complaints, 'nothing that was sent is ignored').toEqual([]));

// Releases at the same time, and the slow faults beside them; what is done to one cluster is done one after the other.
describe.skipIf(realSlurmMissing !== null).concurrent.each(releases)('Slurm %s', (release) => {
  describe('in order', { concurrent: false }, () => inOrder(release));
});

function inOrder(release: Release): void {
  let cluster: Cluster;
  const versions = servedVersions[release];
  const newest = versions.at(-1) ?? '';
  beforeAll(async () => {
    cluster = await start(release);
  });
  afterAll(() => cluster.stop());

  it('serves the versions that are tested here, the newest of which is found', async () => {
    const description = await fetch(`${cluster.url}/openapi/v3`, {
      headers: { 'X-SLURM-USER-TOKEN': cluster.mintToken() },
    });
    expect(versionsIn((await description.json()) as Parameters<typeof versionsIn>[0])).toEqual(versions);
    expect(await clientOf(cluster).apiVersion()).toBe(newest);
  });

  for (const version of versions) {
    slurmContract(`${release} ${version}`, async () => underTest(cluster, version));

    describe(version, () => {
      it.each([
        ['garbage', () => 'not-a-token'],
        ['expired', () => cluster.mintToken({ lifeSeconds: -10 })],
      ])('%s token: nothing was created, and the sentence names the setting', async (_what, make) => {
        const token = make();
        const api = clientOf(cluster, { apiVersion: version, tokenFor: fixedToken(token) });
        for (const call of [
          () => api.submit(submitRequest()),
          () => api.states([1]),
          () => api.job(1, null),
          () => api.cancelByName('gha-nobody', null),
        ]) {
          const error = await failure(call());
          expect(error).toMatchObject({ kind: 'auth', notCreated: true });
          expect(error.message).toContain('slurm.token');
          expect(error.message).not.toContain(token);
        }
      });

      it('what it says of a part that it ignores is an error in our log', async () => {
        const job = { ...rawJob, bogus: 1, partitio: 'x', excluded_nodes: '', nodes: 1 };
        const warnings = await rawSubmit(cluster, version, job);
        const logged: { source?: string }[] = [];
        noteWarnings({ warn: () => undefined, error: (data) => logged.push(data) }, 'test', warnings);
        expect(logged.map(({ source }) => source).sort()).toEqual([
          '#/job/bogus/',
          '#/job/excluded_nodes/',
          '#/job/nodes/',
          '#/job/partitio/',
        ]);
      });

      it('takes every field that a profile can set, and its warnings are handed on', async () => {
        const profile = { name: 'gpu', partition: 'gpu', cpus: 2, memoryMiB: 1_024, timeLimitMinutes: 5 };
        const all = { ...profile, gres: 'gpu:1', account: 'ci', qos: 'normal', constraint: '' };
        const api = clientOf(cluster, { apiVersion: version });
        const request = submitRequest({ profile: all });
        expect((await api.submit(request)).warnings).toEqual([]);
        await until(async () =>
          (await api.listJobs(null)).some(
            ({ name, states }) => name === request.name && states[0] === 'RUNNING',
          ),
        );
        await api.cancelByName(request.name, null);
      });

      it('knows every field that a profile can set, whether it has what is asked for or not', async () => {
        const profile = {
          ...{ name: 'all', partition: 'gpu,ci', cpus: 1, memoryPerCpuMiB: 512, timeLimitMinutes: 5 },
          ...{ account: 'ci', qos: 'normal', reservation: 'none', constraint: 'none', nice: 10 },
          ...{ excludeNodes: ['node'], gres: 'gpu:1', tres: 'gres/gpu:1', licenses: 'none:1' },
          ...{ exclusive: true, comment: 'CI', tmpMiB: 1, extra: { wckey: 'ci', prefer: 'none' } },
        };
        const refused = await failure(
          clientOf(cluster, { apiVersion: version }).submit(submitRequest({ profile })),
        );
        // Slurm has read it, and this test fails on a field that it has ignored.
        expect(refused).toMatchObject({ kind: 'refused', notCreated: true });
      });

      it('a job that has to wait for a node is taken, with a warning', async () => {
        const drain = (state: string) =>
          cluster.exec(['scontrol', 'update', 'nodename=node', `state=${state}`, 'reason=test']);
        const api = clientOf(cluster, { apiVersion: version });
        const request = submitRequest();
        await drain('drain');
        const { warnings } = await api.submit(request);
        await drain('resume');
        expect(warnings.join()).toMatch(/not available/);
        await api.cancelByName(request.name, null);
      });
    });
  }

  it('a version that it does not serve is a fault of the configuration, and nothing was created', async () => {
    const error = await failure(clientOf(cluster, { apiVersion: 'v0.0.7' }).submit(submitRequest()));
    expect(error).toMatchObject({ kind: 'protocol', notCreated: true });
  });

  it('lists more jobs than fit in a URL', async () => {
    const api = clientOf(cluster);
    const request = submitRequest();
    const { id } = await api.submit(request);
    const many = [...Array.from({ length: 3_000 }, (_, index) => 1_000_000 + index), id];
    expect([...(await api.states(many)).keys()]).toEqual([id]);
    await api.cancelByName(request.name, null);
  });

  it('an error does not spoil the connection for the call after it', async () => {
    const api = clientOf(cluster);
    for (let round = 0; round < 30; round += 1) {
      const refused = submitRequest({}, 'no-such-partition');
      expect(await failure(api.submit(refused))).toMatchObject({ errorNumber: 2000 });
      expect(await api.job(99_999, null)).toBeNull();
      expect(await api.states([99_999])).toEqual(new Map());
    }
  });

  it('slurmrestd killed: said as such, and found again', async () => {
    const api = clientOf(cluster);
    await api.states([1]);
    await cluster.stopDaemon('slurmrestd');
    await until(async () => (await api.states([1]).catch(() => null)) === null);
    const error = await failure(api.submit(submitRequest()));
    expect(error).toMatchObject({ kind: 'unavailable', notCreated: true });
    expect(error.message).toContain('slurm.url');
    cluster.startDaemon('slurmrestd');
    await until(async () => (await api.states([1]).catch(() => null)) !== null);
  });
}

// Slow, and each on a cluster of its own, so that they wait at the same time.
describe.skipIf(realSlurmMissing !== null).concurrent('Slurm in trouble', () => {
  for (const release of releases) {
    it.each(Object.entries(slurmFaults))(`${release}: %s`, async (_what, fault) => {
      const cluster = await start(release);
      try {
        // One after the other: in one that has been stopped each call holds a thread of slurmrestd.
        for (const version of ['auto', ...servedVersions[release].slice(0, -1)])
          await fault(underTest(cluster, version));
      } finally {
        await cluster.stop();
      }
    });
  }

  it.each(releases)('%s: a submit given up early is in doubt, and takes effect later', async (release) => {
    const cluster = await start(release);
    try {
      const endpoints = [slurmEndpoint(cluster.url)];
      const [api, request] = [clientOf(cluster, { endpoints }), submitRequest()];
      // On a connection that is there, and long before slurmrestd gives up by itself: a busy machine may take its time.
      const hasty = clientOf(cluster, { endpoints, timeLimitMs: 3_000, apiVersion: await api.apiVersion() });
      await cluster.signal('slurmctld', 'STOP');
      const error = await failure(hasty.submit(request));
      await cluster.signal('slurmctld', 'CONT');
      expect(error).toMatchObject({ kind: 'unavailable', notCreated: false });
      expect(error.message).toContain('no answer in time');
      await until(async () => (await api.listJobs(null)).some(({ name }) => name === request.name));
    } finally {
      await cluster.stop();
    }
  });
});

it.skipIf(realSlurmMissing !== null)(
  'a Slurm that is upgraded under the service, and back: each time the newest version that both know',
  async () => {
    const listen = { host: '127.0.0.1', port: await freePort() };
    const [older, newer] = releases;
    let cluster = await start(older, { listen });
    onTestFinished(() => cluster.stop());
    let token = cluster.mintToken();
    const current = async () => token;
    const api = clientOf(cluster, { tokenFor: () => ({ current, renew: current }) });
    for (const release of [older, newer, older]) {
      if (cluster.release !== release) {
        await cluster.stop();
        cluster = await start(release, { listen });
        token = cluster.mintToken();
      }
      // The first call may find the connection gone; the one after it chooses.
      await until(async () => (await api.states([1]).catch(() => null)) !== null);
      await api.states([1]);
      expect(await api.apiVersion()).toBe(servedVersions[release].at(-1));
    }
  },
);

const rawJob = {
  name: 'raw',
  script: '#!/bin/sh\n',
  environment: ['A=b'],
  current_working_directory: '/tmp',
};

async function rawSubmit(cluster: Cluster, version: string, job: object): Promise<SlurmWarning[]> {
  const response = await fetch(`${cluster.url}/slurm/${version}/job/submit`, {
    method: 'POST',
    headers: { 'X-SLURM-USER-TOKEN': cluster.mintToken(), 'Content-Type': 'application/json' },
    body: JSON.stringify({ job }),
  });
  return ((await response.json()) as { warnings: SlurmWarning[] }).warnings;
}
