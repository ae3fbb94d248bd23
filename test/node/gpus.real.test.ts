/** The GPUs that Slurm gave a job, in its container and in those of its steps; devices of the kind of /dev/null stand in for them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { runJob } from './run-job.ts';
import {
  apptainer,
  docker,
  type NodeWorld,
  profileWith,
  rootless,
  startNodeWorld,
} from './start-node-world.ts';

const other = ({ binds }: { binds: readonly string[] }) => ({ binds: [...binds, '/dev/xfpga0'] });
const gpus = { partition: 'gpu', gres: 'gpu:2' };

describe.skipIf(realSlurmMissing !== null)('GPUs', () => {
  let node: NodeWorld;
  beforeAll(async () => {
    node = await startNodeWorld('gpus', {
      profiles: {
        'slurm-sandbox': profileWith(apptainer),
        'slurm-docker': profileWith(docker),
        'slurm-gpu': profileWith({ ...apptainer, docker: rootless }, gpus),
        'slurm-gpu-docker': profileWith(docker, gpus),
        'slurm-other': profileWith({ ...apptainer, ...other(apptainer) }),
        'slurm-other-docker': profileWith({ ...docker, ...other(docker) }),
      },
    });
  });
  afterAll(async () => {
    await node.service.kill('SIGTERM');
    await node.world.stop();
  });

  it.each(['slurm-gpu', 'slurm-gpu-docker'])(
    '%s: GPUs that Slurm gave reach the container',
    async (label) => {
      // As ConstrainDevices leaves it: devices of others can't be opened. Slurm gives the first ones here.
      await node.onNode('chmod 0000 /dev/nvidia2 /dev/nvidia3');
      const look =
        'for device in /dev/nvidia* /dev/nvidia-caps/*; do if [ -c $device ] && : < $device; then echo $device; fi; done';
      const printed = await runJob(
        node,
        label,
        `echo "gpus=$CUDA_VISIBLE_DEVICES"
      { ${look}; } 2> /dev/null
      echo "in a container of its own"
      docker run --rm -v /dev:/host-dev busybox ls /host-dev
      docker run --rm --device /dev/nvidia0 --device /dev/nvidiactl busybox sh -c '[ ! -c /dev/nvidia1 ] && : > /dev/nvidia0 && echo opened'`,
      ).finally(() => node.onNode('chmod 0666 /dev/nvidia2 /dev/nvidia3'));
      const [before = '', after = ''] = printed.split('in a container of its own\n');
      expect(before.trim().split('\n').sort()).toEqual([
        '/dev/nvidia-caps/nvidia-cap1',
        '/dev/nvidia-uvm',
        '/dev/nvidia0',
        '/dev/nvidia1',
        '/dev/nvidiactl',
        'gpus=0,1',
      ]);
      // The daemon has these, too, for the containers of a step.
      expect(after).toMatch(/^nvidia0$/m);
      expect(after).not.toMatch(/^nvidia[23]$/m);
      expect(after).toMatch(/opened\n$/);
    },
  );

  it('a job that was given no GPU has none in its container', async () => {
    for (const label of ['slurm-sandbox', 'slurm-docker'])
      expect(await runJob(node, label, 'ls /dev | grep nvidia || echo none')).toBe('none\n');
  });

  it.each(['slurm-other', 'slurm-other-docker'])('%s: a device that binds name', async (label) => {
    await node.onNode('[ -c /dev/xfpga0 ] || mknod -m 0666 /dev/xfpga0 c 1 3');
    const use = 'test -c /dev/xfpga0 && echo written > /dev/xfpga0 && echo opened';
    expect(await runJob(node, label, use)).toBe('opened\n');
  });
});
