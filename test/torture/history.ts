/** What happened, as far as the invariants need to know it. */
import type { InProcessJob } from '../controller/in-process-slurm.ts';

export class History {
  /** Slurm jobs whose claim was granted, by allocation. */
  readonly granted = new Map<string, Set<number>>();
  readonly violations: string[] = [];

  noteClaim(job: InProcessJob, status: number): void {
    if (status !== 200) return;
    if (job.restarts > 0)
      this.violate(`Slurm job ${job.id} was given a runner after Slurm had started it again`);
    const allocation = allocationOf(job);
    const jobs = this.granted.get(allocation) ?? new Set();
    jobs.add(job.id);
    this.granted.set(allocation, jobs);
    if (jobs.size > 1)
      this.violate(`Slurm jobs ${[...jobs].join(' and ')} both hold the allocation ${allocation}`);
  }

  /** Whether its allocation is held by another Slurm job. */
  isAnothers(job: InProcessJob): boolean {
    const holders = this.granted.get(allocationOf(job));
    return holders !== undefined && !holders.has(job.id);
  }

  violate(what: string): void {
    this.violations.push(what);
  }
}

function allocationOf(job: InProcessJob): string {
  return job.environment['GHA_SLURM_ALLOCATION'] ?? '';
}
