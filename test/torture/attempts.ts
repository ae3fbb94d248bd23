/**
 * A workflow job costs so many Slurm jobs that start nothing, and then one after each growing interval: looked at whenever one more is
 * submitted for it. What has started something GitHub says itself.
 */
import { config } from '../controller/controller-config.ts';
import type { SimulatedJob } from '../simulator/simulator-state.ts';

/** Few, so that short schedules come to it. */
const maxAttempts = 2;
export const fewAttempts = { limits: { ...config.limits, maxAttempts } };

const firstRestMs = 10 * 60_000;
const longestRestMs = 6 * 3_600_000;

interface Surroundings {
  readonly clock: { wallMs(): number };
  readonly github: { readonly state: { readonly jobs: ReadonlyMap<number, SimulatedJob> } };
  readonly query: <Row>(sql: string, ...values: readonly unknown[]) => Row[];
}

interface Attempt {
  readonly name: string;
  readonly job: number | null;
  readonly endedAt: number;
}

/** Of those for the same job as this one: what ended and was neither unwanted nor never there. */
const over = `select a.slurm_job_name as name, a.made_for_job_id as job, a.ended_at as endedAt
  from allocations b join allocations a on a.made_for_job_id = b.made_for_job_id and a.state = 'ended'
  where b.slurm_job_name = ? and a.outcome not in ('surplus', 'submit-refused', 'submit-lost')`;

/** @returns what does not hold when the Slurm job of this name is submitted; null when all is well. */
export function oneAttemptTooMany({ clock, github, query }: Surroundings, name: string): string | null {
  const runners = [...github.state.jobs.values()].map(({ runnerName }) => runnerName ?? '');
  const failed = query<Attempt>(over, name).filter(
    (attempt) => !runners.some((runner) => runner.startsWith(`${attempt.name}-`)),
  );
  if (failed.length < maxAttempts) return null;
  const restMs = Math.min(longestRestMs, firstRestMs * 2 ** (failed.length - maxAttempts));
  const restedMs = clock.wallMs() - Math.max(...failed.map(({ endedAt }) => endedAt));
  return restedMs >= restMs
    ? null
    : `${name} was submitted for job ${failed[0]?.job} ${restedMs / 1_000} s after ${failed.length} attempts that started nothing`;
}
