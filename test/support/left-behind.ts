import type { World } from './start-world.ts';

/** What must not be there after quiet: live Slurm jobs, registrations, work folders, live rows. */
export async function leftBehind({ cluster, github, state }: World): Promise<string[]> {
  const slurm = (await cluster.exec(['squeue', '--noheader', '--format=%i %T'])).stdout.trim().split('\n');
  const folders = (await cluster.exec(['sh', '-c', 'ls -d /tmp/gha-* 2>/dev/null'])).stdout
    .trim()
    .split('\n');
  const seen = await state();
  const live = seen?.allocations.filter((allocation) => allocation.state !== 'ended') ?? [];
  return [
    ...(seen === null ? ['the service, which does not say what it has'] : []),
    ...slurm.filter((line) => line !== '').map((line) => `Slurm job ${line}`),
    ...folders.filter((line) => line !== '').map((line) => `work folder ${line}`),
    ...github.control.runners().map((runner) => `registration ${runner.name}`),
    ...live.map((allocation) => `allocation ${allocation.id} ${allocation.state}`),
  ];
}
