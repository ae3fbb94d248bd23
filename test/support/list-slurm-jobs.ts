import type { Cluster } from '../../slurm/cluster/cluster.ts';

export interface ListedSlurmJob {
  readonly id: number;
  readonly name: string;
  readonly user: string;
  readonly state: string;
}

/** Every job that slurmctld still knows, also those that are over. @throws Error when it does not answer. */
export async function listSlurmJobs(cluster: Cluster): Promise<ListedSlurmJob[]> {
  const { stdout, stderr, code } = await cluster.exec([
    'squeue',
    '--noheader',
    '--states=all',
    '--format=%i %j %u %T',
  ]);
  if (code !== 0) throw new Error(`squeue: ${stderr}`);
  return stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [id = '', name = '', user = '', state = ''] = line.split(' ');
      return { id: Number(id), name, user, state };
    });
}
