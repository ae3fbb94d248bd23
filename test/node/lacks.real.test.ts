/** What a node lacks: said before the claim, by name, with the job in GitHub's queue; it runs when that is mended. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runnerBind } from '../support/runner-folder.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { conclusions, startWorkload } from '../support/workload.ts';
import {
  apptainer,
  docker,
  type NodeWorld,
  profileWith,
  rootless,
  startNodeWorld,
} from './start-node-world.ts';

describe.skipIf(realSlurmMissing !== null)('what a node lacks', () => {
  let node: NodeWorld;
  beforeAll(async () => {
    const command = { kind: 'command', command: `${runnerBind.to}/run.sh` };
    node = await startNodeWorld('lacks', {
      profiles: {
        'slurm-mount': profileWith({ ...apptainer, mounts: ['/cvmfs/absent.test'] }),
        'slurm-newuidmap': profileWith({ ...command, docker: rootless }),
        'slurm-users': profileWith(docker),
        'slurm-groups': profileWith({ ...apptainer, docker: rootless }),
        'slurm-tun': profileWith(docker),
      },
    });
  });
  afterAll(async () => {
    await node.service.kill('SIGTERM');
    await node.world.stop();
  });

  const spare = (file: string) =>
    [`mv ${file} /root/spare`, `rm -f ${file}; mv /root/spare ${file}`] as const;
  const cases: Readonly<Record<string, readonly [lacks: string, spoil: string, mend: string]>> = {
    'slurm-mount': [
      '/cvmfs/absent.test is not mounted, or empty: see runner.launcher.mounts',
      'true',
      'mkdir -p /cvmfs/absent.test; touch /cvmfs/absent.test/x',
    ],
    'slurm-newuidmap': [
      'rootless Docker needs newuidmap (package uidmap or shadow-utils)',
      ...spare('/usr/bin/newuidmap'),
    ],
    'slurm-users': [
      'rootless Docker needs 65,536 subordinate user ids of gha in /etc/subuid',
      `${spare('/etc/subuid')[0]}; echo gha:100000:1000 > /etc/subuid`,
      spare('/etc/subuid')[1],
    ],
    'slurm-groups': [
      'rootless Docker needs 65,536 subordinate group ids of gha in /etc/subgid',
      ...spare('/etc/subgid'),
    ],
    'slurm-tun': [
      'rootless Docker needs /dev/net/tun, readable and writable',
      'chmod 0600 /dev/net/tun',
      'chmod 0666 /dev/net/tun',
    ],
  };

  it.each(Object.entries(cases))(
    '%s: said before the claim; the job is in the queue, and runs when that is mended',
    async (label, [lacks, spoil, mend]) => {
      const work = await startWorkload(node.world);
      const runners = () =>
        node.world.github.control.events().filter(({ kind }) => kind === 'runner registered').length;
      const before = runners();
      await node.onNode(spoil);
      const [job] = work.queue(1, label, 'true');
      // Nothing else is said to be missing.
      const said = async () =>
        (await work.allocations()).filter(({ reason }) => reason === `The node node can't run it: ${lacks}`);
      await until(async () => (await said()).some(({ state }) => state === 'ended'), 60_000);
      expect(job?.status).toBe('queued');
      expect(runners()).toBe(before);
      await node.onNode(mend);
      expect(await work.finish(150_000)).toEqual([]);
      expect(job?.conclusion).toBe('success');
      expect(await node.leftovers()).toEqual([]);
    },
  );

  it('pools whose jobs a node can not run are blocked with the reason, and tried again', async () => {
    const work = await startWorkload(node.world);
    await node.onNode(`rm -r /cvmfs/absent.test; ${cases['slurm-newuidmap']?.[1]}`);
    const labels = ['slurm-mount', 'slurm-newuidmap'];
    const jobs = labels.flatMap((label) => work.queue(1, label, 'true'));
    const blocked = async (label: string) =>
      (await node.world.state())?.pools.find(({ profile }) => profile === label)?.blocked ?? '';
    for (const label of labels)
      await until(async () => (await blocked(label)).includes(cases[label]?.[0] ?? label), 60_000);
    expect(jobs.map(({ status }) => status)).toEqual(['queued', 'queued']);
    await node.onNode(`${cases['slurm-mount']?.[2]}; ${cases['slurm-newuidmap']?.[2]}`);
    expect(await work.finish(120_000)).toEqual([]);
    expect(conclusions(jobs)).toEqual(['success', 'success']);
  });
});
