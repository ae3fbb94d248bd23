/**
 * A workflow job costs so many Slurm jobs that start nothing, and then one after each growing interval. What has started something GitHub
 * says itself.
 */
import { config } from '../controller/controller-config.ts';
import type { SimulatedJob } from '../simulator/simulator-state.ts';

/** Few, so that short schedules come to it. */
const maxAttempts = 2;
export const fewAttempts = { limits: { ...config.limits, maxAttempts } };

const firstRestMs = 10 * 60_000;
const longestRestMs = 6 * 3_600_000;

interface Surroundings {
  readonly github: { readonly state: { readonly jobs: ReadonlyMap<number, SimulatedJob> } };
  readonly query: <Row>(sql: string, ...values: readonly unknown[]) => Row[];
}

interface Attempt {
  readonly name: string;
  readonly job: number;
  readonly createdAt: number;
  /** Null for what is not over. */
  readonly endedAt: number | null;
}

/** Oldest first: what ended and was neither unwanted nor never there, and what is about to be submitted. */
const attempts = `select slurm_job_name as name, made_for_job_id as job, created_at as createdAt, ended_at as endedAt
  from allocations where made_for_job_id is not null and (slurm_job_name = ?
    or state = 'ended' and outcome not in ('surplus', 'submit-refused', 'submit-lost'))
  order by created_at, rowid`;

/**
 * Each after so many failures was made when the job had rested since the last of them; whatever was not over when it was made, and came to
 * nothing too, had to be waited for.
 * @returns what does not hold. `name`: a Slurm job that is about to be submitted.
 */
export function attemptsTooMany({ github, query }: Surroundings, name = ''): string[] {
  const runners = [...github.state.jobs.values()].map(({ runnerName }) => runnerName ?? '');
  const failed = query<Attempt>(attempts, name).filter(
    (attempt) => !runners.some((runner) => runner.startsWith(`${attempt.name}-`)),
  );
  return [...Map.groupBy(failed, ({ job }) => job).values()].flatMap((ofJob) =>
    ofJob.flatMap((attempt, before) => (before < maxAttempts ? [] : judge(attempt, ofJob.slice(0, before)))),
  );
}

function judge({ name, job, createdAt }: Attempt, earlier: readonly Attempt[]): string[] {
  const restMs = Math.min(longestRestMs, firstRestMs * 2 ** (earlier.length - maxAttempts));
  const restedMs = createdAt - Math.max(...earlier.map(({ endedAt }) => endedAt ?? Number.POSITIVE_INFINITY));
  if (restedMs >= restMs) return [];
  return [
    `${name} was made for job ${job} ${restedMs / 1_000} s after ${earlier.length} attempts that started nothing`,
  ];
}
