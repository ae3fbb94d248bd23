import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../../slurm/cluster/cluster.ts';
import type { Release } from '../../slurm/cluster/root-file-system.ts';
import { systemClock } from '../../src/domain/time.ts';
import { slurmEndpoint } from '../../src/slurm/connect.ts';
import {
  createSlurmClient,
  type SlurmClient,
  type SlurmClientOptions,
} from '../../src/slurm/create-slurm-client.ts';
import { fixedToken } from '../support/fixed-token.ts';
import { until } from '../support/until.ts';
import type { FaultySlurm } from './contract.ts';

/** What each release serves, oldest first. */
export const servedVersions: Readonly<Record<Release, readonly string[]>> = {
  '24.11': ['v0.0.40', 'v0.0.41', 'v0.0.42'],
  '26.05': ['v0.0.42', 'v0.0.43', 'v0.0.44', 'v0.0.45'],
};

/** Slurm has ignored something that was sent: a defect in whatever test it happens. */
export const complaints: string[] = [];

export function clientOf(cluster: Cluster, options: Partial<SlurmClientOptions> = {}): SlurmClient {
  return createSlurmClient({
    endpoints: [slurmEndpoint(cluster.url)],
    user: cluster.user,
    tokenFor: fixedToken(cluster.mintToken()),
    apiVersion: 'auto',
    clock: systemClock,
    log: { warn: () => undefined, error: (data) => complaints.push(JSON.stringify(data)) },
    ...options,
  });
}

export function underTest(cluster: Cluster, apiVersion: string): FaultySlurm {
  const slurm = clientOf(cluster, { apiVersion });
  const isAt = (id: number, state: string) => async () =>
    (await slurm.states([id])).get(id)?.join() === state;
  return {
    slurm,
    started: (id) => until(isAt(id, 'RUNNING')),
    completed: (id) => until(isAt(id, 'COMPLETED')),
    suspend: () => cluster.signal('slurmctld', 'STOP'),
    resume: () => cluster.signal('slurmctld', 'CONT'),
    async stopController() {
      // Killed before that, slurmctld comes back without what it has said last.
      const [file, now] = [join(cluster.directory, 'state', 'job_state'), Date.now()];
      await until(() => existsSync(file) && statSync(file).mtimeMs > now);
      await cluster.stopDaemon('slurmctld');
    },
    startController: async () => cluster.startDaemon('slurmctld'),
  };
}
