/** Images by reference, in real Slurm jobs: one pull for a node, none while it is in use, and never more on disk than the limit. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { conclusions, startWorkload } from '../support/workload.ts';
import { type ImageServer, startImageServer } from './start-image-server.ts';
import { apptainer, type NodeWorld, profileWith, startNodeWorld } from './start-node-world.ts';

describe.skipIf(realSlurmMissing !== null)('the image cache', () => {
  let node: NodeWorld;
  let server: ImageServer;

  beforeAll(async () => {
    server = await startImageServer();
    const from = (name: string) => profileWith({ ...apptainer, image: `${server.url}/${name}.sif` });
    node = await startNodeWorld('image-cache', {
      // Room for one image of 22 MiB, not for two.
      runner: { imageCache: { limit: '30MiB' } },
      profiles: {
        'slurm-a': from('a'),
        'slurm-b': from('b'),
        'slurm-c': from('c'),
        'slurm-broken': from('broken'),
      },
    });
    await node.onNode('cp /images/runner.sif /var/lib/cluster/runner.sif');
    server.serve(`${node.world.cluster.directory}/runner.sif`);
  });
  afterAll(async () => {
    await node.service.kill('SIGTERM');
    await node.world.stop();
    await server.stop();
  });

  const images = async () =>
    (await node.onNode('ls /var/tmp/gha-slurm-images-1000 | grep -vc lock || true')).trim();

  it('four jobs at once pull an image once', async () => {
    const work = await startWorkload(node.world);
    const jobs = work.queue(4, 'slurm-a', 'true');
    expect(await work.finish(90_000)).toEqual([]);
    expect(conclusions(jobs)).toEqual(Array(4).fill('success'));
    expect(server.pulled).toEqual(['/a.sif']);
    expect(await node.leftovers()).toEqual([]);
  });

  it('above the limit the least recently used one goes, but none that a job has', async () => {
    const work = await startWorkload(node.world);
    const [holder] = work.queue(1, 'slurm-a', 'while [ ! -e /results/go ]; do sleep 0.1; done');
    await until(() => holder?.status === 'in_progress', 60_000);
    work.queue(1, 'slurm-b', 'true');
    await until(() => server.pulled.includes('/b.sif'), 60_000);
    await until(() => node.world.github.control.jobs().at(-1)?.status === 'completed', 60_000);
    expect(await images()).toBe('2');
    await node.onNode('touch /results/go');
    expect(await work.finish(60_000)).toEqual([]);
    // Of an image that a job which was killed has not put there.
    const orphan = '/var/tmp/gha-slurm-images-1000/0123456789abcdef.1700000000000000.sif.lock';
    await node.onNode(`touch -d '2 hours ago' ${orphan} && chown gha: ${orphan}`);
    work.queue(1, 'slurm-c', 'true');
    expect(await work.finish(60_000)).toEqual([]);
    expect(await images()).toBe('1');
    // Of each reference, and of the one image.
    expect((await node.onNode('ls /var/tmp/gha-slurm-images-1000/*.lock')).trim().split('\n')).toHaveLength(
      4,
    );
    expect(server.pulled).toEqual(['/a.sif', '/b.sif', '/c.sif']);
  });

  it('one that is a day old and in use is pulled again beside it: nobody waits, and the old one goes when nobody has it', async () => {
    const work = await startWorkload(node.world);
    const before = server.pulled.length;
    const [holder] = work.queue(1, 'slurm-c', 'while [ ! -e /results/on ]; do sleep 0.1; done');
    await until(() => holder?.status === 'in_progress', 60_000);
    await node.onNode("touch -d '2 days ago' /var/tmp/gha-slurm-images-1000/*.sif");
    const [next, another] = work.queue(2, 'slurm-c', 'true');
    await until(() => next?.status === 'completed' && another?.status === 'completed', 60_000);
    expect(holder?.status).toBe('in_progress');
    expect(conclusions([next, another])).toEqual(['success', 'success']);
    expect(server.pulled.slice(before)).toEqual(['/c.sif']);
    expect(await images()).toBe('2');
    await node.onNode('touch /results/on');
    expect(await work.finish(60_000)).toEqual([]);
    work.queue(1, 'slurm-a', 'true');
    expect(await work.finish(60_000)).toEqual([]);
    expect(await images()).toBe('1');
    expect(await node.leftovers()).toEqual([]);
  });

  it('an image that can not be pulled is said, and leaves no half of it', async () => {
    const work = await startWorkload(node.world);
    const [job] = work.queue(1, 'slurm-broken', 'true');
    await until(
      async () =>
        (
          (await node.world.state())?.pools.find(({ profile }) => profile === 'slurm-broken')?.blocked ?? ''
        ).includes("can't be pulled"),
      60_000,
    );
    expect(job?.status).toBe('queued');
    expect(await images()).toBe('1');
    node.world.github.control.cancelRun(job?.runId ?? 0);
    await work.finish(30_000);
  });
});
