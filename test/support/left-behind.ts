import { isSlurmEnd } from '../../src/domain/slurm-ends.ts';
import { listSlurmJobs } from './list-slurm-jobs.ts';
import type { World } from './start-world.ts';

/** What must not be there after quiet: live Slurm jobs, registrations, work folders, live rows. */
export async function leftBehind({ cluster, github, state }: World): Promise<string[]> {
  const slurm = await listSlurmJobs(cluster).then(
    (jobs) =>
      jobs.filter((job) => !isSlurmEnd(job.state)).map(({ id, state: at }) => `Slurm job ${id} ${at}`),
    // A Slurm that does not say what it has is not known to have nothing.
    (error: Error) => [error.message],
  );
  const listed = await cluster.exec([
    'find',
    '/tmp',
    '-maxdepth',
    '1',
    '(',
    '-name',
    'gha-*',
    '-o',
    '-name',
    '.gha-dead-*',
    ')',
  ]);
  const folders =
    listed.code === 0
      ? listed.stdout.trim().split('\n')
      : [`/tmp, which can not be listed: ${listed.stderr}`];
  const seen = await state();
  const live = seen?.allocations.filter((allocation) => allocation.state !== 'ended') ?? [];
  return [
    ...(seen === null ? ['the service, which does not say what it has'] : []),
    ...slurm,
    ...folders.filter((line) => line !== '').map((line) => `work folder ${line}`),
    ...github.control.runners().map((runner) => `registration ${runner.name}`),
    ...live.map((allocation) => `allocation ${allocation.id} ${allocation.state}`),
  ];
}
