import { missingRequirement } from '../../slurm/cluster/requirements.ts';

/** Why real Slurm is left out on this machine; null where it runs. Said once a file, so that nothing is skipped in silence. */
export const realSlurmMissing = missingRequirement();
if (realSlurmMissing !== null) console.warn(`real Slurm is left out: ${realSlurmMissing}`);
