/** The Slurm job that a runner of ours is in: its own name without the number of the mint. */
export const slurmJobNameOf = (runnerName: string): string => runnerName.replace(/-\d+$/, '');
