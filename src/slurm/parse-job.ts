/** A job record as far as it is read here. Every field may be missing: the description requires none. */
import { z } from 'zod';

/** Slurm's way to leave a number out. */
export const optionalNumber = z
  .object({
    set: z.boolean().default(false),
    infinite: z.boolean().default(false),
    number: z.number().default(0),
  })
  .transform(({ set, infinite, number }) => (set && !infinite ? number : null));

const jobRecord = z.object({
  job_id: z.number(),
  name: z.string().default(''),
  user_name: z.string().nullish(),
  job_state: z.array(z.string()).default([]),
  state_reason: z.string().default('None'),
  start_time: optionalNumber.nullish(),
  nodes: z.string().nullish(),
  comment: z.string().nullish(),
  exit_code: z.object({ return_code: optionalNumber.nullish() }).nullish(),
});

export interface SlurmJobDetail {
  readonly id: number;
  readonly name: string;
  readonly user: string | null;
  readonly states: readonly string[];
  readonly reason: string | null;
  readonly expectedStartMs: number | null;
  readonly node: string | null;
  readonly exitCode: number | null;
  readonly comment: string;
}

export function parseJob(record: unknown): SlurmJobDetail {
  const job = jobRecord.parse(record);
  const startSeconds = job.start_time ?? 0;
  return {
    id: job.job_id,
    name: job.name,
    user: job.user_name ?? null,
    states: job.job_state,
    reason: job.state_reason === 'None' || job.state_reason === '' ? null : job.state_reason,
    expectedStartMs: startSeconds > 0 ? startSeconds * 1_000 : null,
    node: job.nodes === undefined || job.nodes === null || job.nodes === '' ? null : job.nodes,
    exitCode: job.exit_code?.return_code ?? null,
    comment: job.comment ?? '',
  };
}
