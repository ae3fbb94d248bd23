import { describe } from 'vitest';
import { startCluster } from '../../slurm/cluster/start-cluster.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { slurmContract } from './contract.ts';

describe.skipIf(realSlurmMissing !== null)('real Slurm', () => {
  slurmContract('Slurm 24.11', async () => {
    const cluster = await startCluster({
      name: `contract-${process.pid}`,
      release: '24.11',
      tieToParent: true,
    });
    return {
      url: cluster.url,
      user: cluster.user,
      mintToken: (options) => cluster.mintToken(options),
      suspend: () => cluster.signal('slurmctld', 'STOP'),
      resume: () => cluster.signal('slurmctld', 'CONT'),
      stopController: () => cluster.stopDaemon('slurmctld'),
      startController: async () => cluster.startDaemon('slurmctld'),
      stop: () => cluster.stop(),
    };
  });
});
