import type { JobSpec } from '../simulator/simulator-state.ts';

export const repository = 'acme/app';

export const profiles = {
  'slurm-small': { partition: 'ci', cpus: 1, memory: '512MiB', timeLimit: '10m' },
  'slurm-medium': { partition: 'ci', cpus: 2, memory: '1GiB', timeLimit: '10m' },
  'slurm-large': { partition: 'ci', cpus: 4, memory: '2GiB', timeLimit: '10m' },
};

/** 24 jobs in three sizes, one that no runner may ever be made for, and one that is cancelled while it waits. */
export function demoJobs(): JobSpec[] {
  const jobs = Object.keys(profiles).flatMap((size) =>
    Array.from({ length: 8 }, (_, index) => ({
      name: `${size.replace('slurm-', '')}-${index + 1}`,
      labels: ['self-hosted', size],
      commands: `test "$SLURM_CPUS_ON_NODE" -ge 1 && sleep ${2 + (index % 3)}`,
    })),
  );
  return [
    ...jobs,
    { name: 'two-sizes', labels: ['slurm-small', 'slurm-large'] },
    { name: 'cancelled-while-waiting', labels: ['self-hosted', 'slurm-large'], commands: 'sleep 1' },
  ];
}
