/** What is read of GitHub's runs and jobs. Statuses that are not known yet want no runner yet. */
import { z } from 'zod';
import { type WorkflowJob, workflowJobStatuses } from '../domain/workflow-job.ts';

const time = z.string().transform((text, context) => {
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return ms;
  context.addIssue('not a time');
  return z.NEVER;
});

const jobRecord = z.object({
  id: z.number(),
  run_id: z.number(),
  run_attempt: z.number().default(1),
  name: z.string(),
  workflow_name: z.string().nullish(),
  labels: z.array(z.string()),
  status: z.string(),
  conclusion: z.string().nullish(),
  runner_name: z.string().nullish(),
  created_at: time,
  started_at: time.nullish(),
  completed_at: time.nullish(),
});

const runRecord = z.object({ id: z.number(), status: z.string().nullish() });

export interface WorkflowRun {
  readonly id: number;
  readonly completed: boolean;
}

/** @throws ZodError when the record is not of GitHub's form. */
export function toWorkflowJob(record: unknown, repository: string): WorkflowJob {
  const job = jobRecord.parse(record);
  return {
    id: job.id,
    runId: job.run_id,
    runAttempt: job.run_attempt,
    repository,
    name: job.name,
    workflowName: job.workflow_name ?? null,
    labels: job.labels,
    status: workflowJobStatuses.find((known) => known === job.status) ?? 'waiting',
    conclusion: job.conclusion ?? null,
    // Not assigned yet: null, or an empty string.
    runnerName: job.runner_name === undefined || job.runner_name === '' ? null : job.runner_name,
    createdAtMs: job.created_at,
    startedAtMs: job.started_at ?? null,
    completedAtMs: job.completed_at ?? null,
  };
}

/** @throws ZodError when the record is not of GitHub's form. */
export function toWorkflowRun(record: unknown): WorkflowRun {
  const run = runRecord.parse(record);
  return { id: run.id, completed: run.status === 'completed' };
}
