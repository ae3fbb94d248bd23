import type { Snapshot } from '../planner/snapshot.ts';
import type { Context } from './context.ts';
import { describeState } from './describe-state.ts';
import { type JobLife, jobLife } from './job-life.ts';

export interface JobExplanation extends JobLife {
  /** One sentence: what it waits for, where it runs, or how it ended. */
  readonly now: string;
}

/** A job's life, and what becomes of it now. Null for a job that is not known. */
export function explainJob(context: Context, snapshot: Snapshot, id: number): JobExplanation | null {
  const life = jobLife(context.store.db, id);
  return life === null ? null : { ...life, now: presentOf(context, snapshot, life) };
}

function presentOf(context: Context, snapshot: Snapshot, { id, status, conclusion }: JobLife): string {
  if (status === 'completed') return `It is over: ${conclusion ?? 'GitHub no longer knows it'}.`;
  const { jobs, allocations } = describeState(context, snapshot);
  const job = jobs.find((candidate) => candidate.id === id);
  const allocation = allocations.find((candidate) => candidate.id === job?.allocationId);
  if (allocation === undefined) return job?.reason ?? 'It is looked at again at the next poll.';
  const where = allocation.slurmJobId === null ? '' : `, Slurm job ${allocation.slurmJobId},`;
  const why = allocation.reason === undefined ? '' : ` ${allocation.reason}`;
  if (status === 'in_progress')
    return `It runs: allocation ${allocation.id}${where} is ${allocation.state}.${why}`;
  return `It waits for a runner of its pool: allocation ${allocation.id}${where} is ${allocation.state}.${why}`;
}
