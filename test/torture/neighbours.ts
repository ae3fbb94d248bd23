/** Another service on the same cluster and repository, and another user: neither is any business of ours. */
import { repository } from '../controller/controller-config.ts';
import type { InProcessGitHub } from '../controller/in-process-github.ts';
import type { InProcessSlurm } from '../controller/in-process-slurm.ts';

const theirJob = 'gha-neighbor-0123456789abcdef';
const theirRunner = `${theirJob}-1`;

interface Surroundings {
  readonly slurm: InProcessSlurm;
  readonly github: InProcessGitHub;
}

export function moveIn({ slurm, github }: Surroundings): void {
  slurm.start(slurm.add(theirJob));
  slurm.start(slurm.add('a job of somebody else'));
  github.state.addRunner(repository, theirRunner, ['slurm-neighbor']);
}

export const isNeighbourThere = ({ github }: Surroundings): boolean => github.find(theirRunner) !== undefined;
