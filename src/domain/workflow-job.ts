/** What GitHub says of a job. `waiting`, `pending` and `requested` jobs want no runner yet. */
export const workflowJobStatuses = [
  'queued',
  'in_progress',
  'completed',
  'waiting',
  'pending',
  'requested',
] as const;
export type WorkflowJobStatus = (typeof workflowJobStatuses)[number];

/** A GitHub workflow job as a listing shows it. Ids are beyond 2^32. */
export interface WorkflowJob {
  readonly id: number;
  readonly runId: number;
  readonly runAttempt: number;
  /** `owner/name` */
  readonly repository: string;
  readonly name: string;
  readonly workflowName: string | null;
  readonly labels: readonly string[];
  readonly status: WorkflowJobStatus;
  readonly conclusion: string | null;
  /** The only proof of who ran the job; null until a runner took it. */
  readonly runnerName: string | null;
  /** Milliseconds since the Unix epoch, by GitHub's clock. */
  readonly createdAtMs: number;
  readonly startedAtMs: number | null;
  readonly completedAtMs: number | null;
}
