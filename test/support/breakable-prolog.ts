/** A site's Prolog that a test makes fail: Slurm ends the job that it was for, and drains its node. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from '../../slurm/cluster/cluster.ts';
import type { ClusterOptions } from '../../slurm/cluster/start-cluster.ts';

export interface BreakableProlog {
  readonly bind: NonNullable<ClusterOptions['binds']>[number];
  /** Lines for slurm.conf. */
  readonly slurmConf: readonly string[];
  break(): void;
  /** And puts the node back to work. @throws Error in scontrol's words. */
  mend(cluster: Cluster): Promise<void>;
  /** At the end of the cluster. */
  remove(): void;
}

const inside = '/site';

export function breakableProlog(): BreakableProlog {
  const folder = mkdtempSync(join(tmpdir(), 'gha-slurm-prolog-'));
  const broken = join(folder, 'broken');
  writeFileSync(join(folder, 'prolog'), `#!/bin/bash\n[ ! -e ${inside}/broken ]\n`, { mode: 0o755 });
  return {
    bind: { from: folder, to: inside },
    slurmConf: [`Prolog=${inside}/prolog`],
    break: () => writeFileSync(broken, ''),
    async mend(cluster) {
      rmSync(broken);
      const { code, stderr } = await cluster.exec(['scontrol', 'update', 'NodeName=node', 'State=RESUME']);
      if (code !== 0) throw new Error(`scontrol: ${stderr}`);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
