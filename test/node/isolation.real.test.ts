/**
 * A hostile step with a Docker socket, in a real Slurm job: it is root in its daemon's namespaces, and finds nothing of the jobs of
 * the same Slurm user that are live beside it on the node, nor of that user or of the node.
 */
import { copyFileSync, existsSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
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

const neighbours = ['slurm-apptainer', 'slurm-docker', 'slurm-engine'];
/** What the Slurm user can read on the node. */
const ofOthers = [
  'GHA_SLURM_ALLOCATION',
  'secret-of-a-neighbour-environment',
  'secret-of-a-neighbour-file',
  'secret-of-home',
  'secret-of-shared-memory',
  'secret-of-the-cache',
  'secret-of-the-node',
  'slurm_script',
];
/** What there is in the daemon's root: /results is a bind of the configuration. */
const shown = 'bin dev etc lib lib64 opt proc results run sbin sys tmp usr var'.split(' ');
/** Of this test, in the machine's hierarchy. */
const controlGroups = join(
  existsSync('/sys/fs/cgroup/unified') ? '/sys/fs/cgroup/unified' : '/sys/fs/cgroup',
  `gha-isolation-${process.pid}`,
);
const own = ['secret-of-own-environment', 'secret-of-own-file'];

describe.skipIf(realSlurmMissing !== null)('isolation', () => {
  let node: NodeWorld;
  beforeAll(async () => {
    const command = { kind: 'command', command: `${runnerBind.to}/run.sh` };
    node = await startNodeWorld('isolation', {
      profiles: {
        'slurm-apptainer': profileWith(apptainer),
        'slurm-engine': profileWith({ ...command, docker: rootless }),
        // The site shows what the user's home lies in: it stays covered.
        'slurm-docker': profileWith({ ...docker, binds: [...docker.binds, '/home:/node-home:ro'] }),
        'slurm-both': profileWith({ ...apptainer, docker: rootless }),
      },
    });
    // As Slurm does it with proctrack/cgroup: what slurmd starts is in a group beside others'.
    await node.onNode(`
      mkdir -p ${controlGroups}/own ${controlGroups}/of-a-neighbour
      for daemon in $(pgrep -x slurmd); do echo $daemon > ${controlGroups}/own/cgroup.procs; done`);
    copyFileSync(join(import.meta.dirname, 'hunt.sh'), join(node.world.cluster.directory, 'hunt.sh'));
    await node.onNode(`
      cp /var/lib/cluster/hunt.sh /results/hunt.sh && chmod 0755 /results/hunt.sh
      setpriv --reuid gha --regid gha --clear-groups sh -c '
        mkdir -p -m 0700 /var/tmp/gha-slurm-images-1000
        echo secret-of-the-cache > /var/tmp/gha-slurm-images-1000/image.sif
        echo secret-of-home > /home/gha/key
        echo secret-of-the-node > /tmp/of-the-node
        echo secret-of-shared-memory > /dev/shm/of-the-node'`);
  });
  afterAll(async () => {
    await node.service.kill('SIGTERM');
    await node.world.stop();
    // Of a test that failed, jobs are still ending.
    const isEmpty = () => readFileSync(join(controlGroups, 'own/cgroup.procs'), 'utf8') === '';
    await until(isEmpty, 10_000);
    for (const path of ['own', 'of-a-neighbour', '']) rmdirSync(join(controlGroups, path));
  });

  const asUser = (script: string) =>
    node.onNode(`setpriv --reuid gha --regid gha --clear-groups -- bash -c '${script}'`);
  const lines = (text: string) => text.split('\n').filter((line) => line !== '');

  // The last one spoils its own daemon.
  const attack = (name: string) => `
    echo secret-of-own-file > mine
    : > "$TMPDIR/own"
    export MINE=secret-of-own-environment
    as_root() { docker run --rm --privileged --pid=host --network=host --ipc=host --uts=host --userns=host -e MINE -v /:/host -v /results:/results busybox "$@"; }
    /results/hunt.sh / > /results/${name}-step
    as_root ls /host > /results/${name}-folders
    as_root sh -c 'for try in 1 2 3; do busybox find /host/sys -type d -path "*cgroup*"; busybox umount -l /host/sys/fs/cgroup/unified /host/sys/fs/cgroup /host/sys; done 2> /dev/null' > /results/${name}-groups || true
    as_root sh -c 'for kind in mnt pid ipc net user; do busybox readlink /proc/1/ns/$kind; done' > /results/${name}-namespaces
    as_root /results/hunt.sh /host > /results/${name}-root
    as_root /results/hunt.sh /host escape > /results/${name}-uncovered
    as_root busybox nsenter -t 1 -m -- /results/hunt.sh / > /results/${name}-inside
    as_root busybox nsenter -t 1 -m -- /results/hunt.sh / escape > /results/${name}-inside-uncovered`;

  it.each(['slurm-both', 'slurm-docker'])(
    '%s: root in its dockerd finds nothing of others',
    async (label) => {
      const others = await startWorkload(node.world);
      await node.onNode('rm -f /results/go /results/neighbour-*');
      for (const name of neighbours)
        others.queue(
          1,
          name,
          `for place in . "$HOME" "$TMPDIR"; do echo secret-of-a-neighbour-file > "$place/key"; done
        KEY=secret-of-a-neighbour-environment sleep 600 & sleeper=$!
        : > /results/neighbour-${name}
        while [ ! -e /results/go ]; do sleep 0.1; done; kill $sleeper`,
        );
      const live = async () => Number(await node.onNode('ls /results | grep -c ^neighbour- || true'));
      await until(async () => (await live()) === neighbours.length, 90_000);
      // The hunt finds what can be read: all of it, by this user on the node.
      expect(lines(await asUser('/results/hunt.sh / 2> /dev/null'))).toEqual(
        expect.arrayContaining(ofOthers),
      );
      await node.onNode('find / -xdev -name poison -delete; find /tmp -name poison -delete');

      const work = await startWorkload(node.world);
      const jobs = work.queue(1, label, attack(label));
      await until(() => jobs.every(({ status }) => status === 'completed'), 120_000);
      const found = async (how: string) => lines(await node.result(`${label}-${how}`));
      for (const how of ['step', 'root', 'uncovered', 'inside', 'inside-uncovered']) {
        const seen = await found(how);
        for (const mark of ofOthers) expect(seen, how).not.toContain(mark);
        // It has looked.
        expect(seen, how).toEqual(expect.arrayContaining(own));
      }
      expect((await found('folders')).filter((name) => name !== 'home')).toEqual(shown);
      // Those of other jobs have their numbers in their names.
      const groups = await found('groups');
      expect(groups).toContain('/host/sys/fs/cgroup');
      expect(groups.filter((path) => path.includes('gha-isolation') || path.includes('neighbour'))).toEqual(
        [],
      );
      const ofNode = lines(
        await node.onNode('for kind in mnt pid ipc net user; do readlink /proc/1/ns/$kind; done'),
      );
      const ofDaemon = await found('namespaces');
      expect(ofDaemon).toHaveLength(ofNode.length);
      for (const [at, namespace] of ofNode.entries()) expect(ofDaemon[at]).not.toBe(namespace);
      // Nothing of the node was written, and the neighbours live.
      const written = () =>
        node.onNode('find / /tmp -xdev -name poison; cat /var/tmp/gha-slurm-images-1000/*');
      // Its own folder goes with it.
      await until(async () => (await written()) === 'secret-of-the-cache\n', 10_000).catch(() => undefined);
      expect(await written()).toBe('secret-of-the-cache\n');
      expect((await node.onNode('squeue -h -t running -o %j')).trim().split('\n')).toHaveLength(
        neighbours.length,
      );
      await node.onNode('touch /results/go');
      expect([...(await work.finish(60_000)), ...(await others.finish(60_000))]).toEqual([]);
      expect(conclusions(jobs)).toEqual(['success']);
      expect((await node.leftovers()).filter((left) => !/of-the-node|home\/gha\/key/.test(left))).toEqual([]);
    },
  );
});
