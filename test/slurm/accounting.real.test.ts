/** What slurmdbd tells of jobs that are over, in every version of the API; and what slurmrestd says where it can't be asked. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../../slurm/cluster/cluster.ts';
import { type Release, releases } from '../../slurm/cluster/root-file-system.ts';
import { startCluster } from '../../slurm/cluster/start-cluster.ts';
import { SlurmError } from '../../src/domain/errors.ts';
import type { SubmitRequest } from '../../src/slurm/submit-body.ts';
import { failureOf } from '../support/failure-of.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { clientOf, complaints, servedVersions } from './real-slurm.ts';
import { submitRequest } from './submit-request.ts';

/** About 200 MB for some seconds: the shell keeps what it has read. */
const hungry = '#!/bin/bash\nx=$(head -c 200000000 /dev/zero | tr "\\0" x)\nsleep 4\nexit 3\n';

const start = (release: Release, accounting: boolean): Promise<Cluster> =>
  startCluster({
    name: `accounting-${process.pid}-${release.replace('.', '')}-${accounting}`,
    release,
    accounting,
    tieToParent: true,
    slurmConf: ['MinJobAge=2'],
  });

afterEach(() => expect(complaints, 'nothing that was sent is ignored').toEqual([]));

describe.skipIf(realSlurmMissing !== null).each(releases)('Slurm %s with accounting', (release) => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await start(release, true);
  });
  afterAll(() => cluster.stop());

  /** Until slurmctld knows nothing of it any more. */
  async function runToOblivion(request: SubmitRequest): Promise<number> {
    const api = clientOf(cluster);
    const { id } = await api.submit(request);
    // slurmctld deletes what is over once a minute.
    await until(async () => (await api.job(id)) === null, 150_000, 500);
    return id;
  }

  it('has the peak memory, the node and the exit code of a job that slurmctld has forgotten', async () => {
    const [large, small] = [submitRequest({ script: hungry }), submitRequest({ script: '#!/bin/bash\n' })];
    const ids = await Promise.all([large, small].map(runToOblivion));
    for (const apiVersion of servedVersions[release]) {
      const jobs = await clientOf(cluster, { apiVersion }).accounting([...ids, 99_999]);
      expect(jobs, apiVersion).toHaveLength(2);
      const [first, second] = [large, small].map(({ name }) => jobs?.find((job) => job.name === name));
      expect(first, apiVersion).toMatchObject({
        id: ids[0],
        user: cluster.user,
        states: ['FAILED'],
        node: 'node',
        exitCode: 3,
      });
      expect(first?.peakMemoryMiB, apiVersion).toBeGreaterThan(185);
      expect(first?.peakMemoryMiB, apiVersion).toBeLessThan(450);
      expect(second, apiVersion).toMatchObject({ id: ids[1], states: ['COMPLETED'], exitCode: 0 });
    }
  });

  it('a job that runs, and one that is cancelled before it does, are told as such', async () => {
    const api = clientOf(cluster);
    const request = submitRequest();
    const { id } = await api.submit(request);
    const states = async () => (await api.accounting([id]))?.at(-1)?.states.join();
    await until(async () => (await states()) === 'RUNNING');
    await api.cancelByName(request.name, null);
    await until(async () => (await states()) === 'CANCELLED');
  });

  it('nothing of a job that it does not know', async () => {
    expect(await clientOf(cluster).accounting([99_999])).toEqual([]);
  });

  it('whose slurmdbd does not answer is given up in time, and slurmctld is asked as ever', async () => {
    const hasty = clientOf(cluster, { timeLimitMs: 1_500 });
    expect(await hasty.accounting([99_999])).toEqual([]);
    await cluster.signal('slurmdbd', 'STOP');
    try {
      // One: it holds a thread of slurmrestd for 45 s, and 26.05 has two for each CPU.
      expect(await failureOf(SlurmError, hasty.accounting([1]))).toMatchObject({ kind: 'unavailable' });
      expect(await hasty.states([99_999])).toEqual(new Map());
    } finally {
      await cluster.signal('slurmdbd', 'CONT');
    }
    await until(async () => (await clientOf(cluster).accounting([99_999]))?.length === 0);
  });

  it('without its slurmdbd it is none, and slurmctld is asked as ever; then it is there again', async () => {
    // A client each time: one that has failed several times waits before it asks again.
    const hasNone = async () => (await clientOf(cluster).accounting([1])) === null;
    const api = clientOf(cluster);
    expect(await hasNone()).toBe(false);
    await cluster.stopDaemon('slurmdbd');
    await until(hasNone);
    expect(await api.states([99_999])).toEqual(new Map());
    cluster.startDaemon('slurmdbd');
    await until(async () => !(await hasNone()));
  });
});

describe.skipIf(realSlurmMissing !== null).each(releases)('Slurm %s without accounting', (release) => {
  it('has none, in every version', async () => {
    const cluster = await start(release, false);
    try {
      for (const apiVersion of servedVersions[release])
        expect(await clientOf(cluster, { apiVersion }).accounting([1]), apiVersion).toBeNull();
    } finally {
      await cluster.stop();
    }
  });
});
