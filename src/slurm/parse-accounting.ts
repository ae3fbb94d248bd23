/** A record of slurmdbd as far as it is read here. Every field may be missing: the description requires none. */
import { z } from 'zod';
import { optionalNumber } from './parse-job.ts';

const tres = z.object({ type: z.string().default(''), count: z.number().default(0) });

const accountingRecord = z.object({
  job_id: z.number(),
  name: z.string().default(''),
  user: z.string().nullish(),
  state: z.object({ current: z.array(z.string()).default([]) }).nullish(),
  nodes: z.string().nullish(),
  exit_code: z.object({ return_code: optionalNumber.nullish() }).nullish(),
  /** Seconds since the Unix epoch. */
  time: z.object({ submission: z.number().default(0), start: z.number().default(0) }).nullish(),
  steps: z
    .array(
      z.object({
        tres: z.object({ requested: z.object({ max: z.array(tres).default([]) }).nullish() }).nullish(),
      }),
    )
    .default([]),
});

export interface AccountedJob {
  readonly id: number;
  readonly name: string;
  readonly user: string | null;
  readonly states: readonly string[];
  readonly node: string | null;
  readonly exitCode: number | null;
  readonly peakMemoryMiB: number | null;
}

const bytesPerMiB = 1_048_576;

/**
 * Newest last: a number that was given out again has a record for each of its jobs, and a requeued job one for each start.
 * A job's time of end is no sign that it has ended, since Slurm 26.05 gives the present there: its states are.
 */
export function parseAccounting(records: readonly unknown[]): readonly AccountedJob[] {
  return records
    .map((record) => accountingRecord.parse(record))
    .toSorted(
      (a, b) =>
        (a.time?.submission ?? 0) - (b.time?.submission ?? 0) || (a.time?.start ?? 0) - (b.time?.start ?? 0),
    )
    .map((job) => ({
      id: job.job_id,
      name: job.name,
      user: job.user ?? null,
      states: job.state?.current ?? [],
      node: nodeOf(job.nodes ?? ''),
      exitCode: job.exit_code?.return_code ?? null,
      peakMemoryMiB: peakOf(job.steps),
    }));
}

/** Slurm's words for a job that has had no node. */
const nodeOf = (nodes: string): string | null => (nodes === '' || nodes === 'None assigned' ? null : nodes);

/** Of the step that took most (MaxRSS in sacct's words); null where nothing was sampled, and for what Slurm has no number for. */
function peakOf(steps: z.infer<typeof accountingRecord>['steps']): number | null {
  const peaks = steps
    .flatMap((step) => step.tres?.requested?.max ?? [])
    .filter(({ type, count }) => type === 'mem' && count > 0)
    .map(({ count }) => count);
  return peaks.length === 0 ? null : Math.ceil(Math.max(...peaks) / bytesPerMiB);
}
