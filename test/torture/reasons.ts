/**
 * What `/api/state` says of a queued job is held against what is there: an allocation that is live and no other job's, or a reason that is
 * true of that very job. A sentence that is not in the table explains nothing.
 */
import type { StateView } from '../../src/controller/describe-state.ts';
import type { SimulatedJob } from '../simulator/simulator-state.ts';
import { fewAttempts } from './attempts.ts';

interface Surroundings {
  readonly query: <Row>(sql: string, ...values: readonly unknown[]) => Row[];
  /** Monotonic times of the submits of a label in the last minute. */
  readonly recentSubmits: (label: string) => number;
  readonly wallMs: () => number;
  /** Slurm has answered the service, and did so last time. */
  readonly slurmAnswers: () => boolean;
}

type Said = StateView['jobs'][number];
type Judge = (world: Surroundings, job: SimulatedJob, match: readonly string[]) => boolean;

const count = ({ query }: Surroundings, sql: string, ...values: readonly unknown[]): number =>
  query<{ count: number }>(`select count(*) as count from ${sql}`, ...values)[0]?.count ?? 0;
const labelOf = ({ labels: [label = ''] }: SimulatedJob): string => label;
const dayMs = 86_400_000;

const triedTooOften: Judge = (world, { id }) =>
  count(world, 'allocations where made_for_job_id = ?', id) >= fewAttempts.limits.maxAttempts;

const judges: readonly (readonly [RegExp, Judge])[] = [
  [/^limits\.maxAttempts is reached: /, triedTooOften],
  [
    /^It rests until (\S+): /,
    (world, job, [, until = '']) => triedTooOften(world, job, []) && Date.parse(until) > world.wallMs(),
  ],
  [
    /^(.*) \(tried again at (\S+)\)$/s,
    (world, job, [, reason, until = '']) =>
      Date.parse(until) > world.wallMs() &&
      count(
        world,
        "pool_health where strikes >= 3 and reason = ? and pool like '%' || ? || '%'",
        reason,
        labelOf(job),
      ) > 0,
  ],
  [/^Slurm: |^Slurm has not answered yet\.$/, ({ slurmAnswers }) => !slurmAnswers()],
  // How many of them may be told so is looked at below.
  [/^A runner that has started, or a submit whose answer was lost, /, () => true],
  [
    /^After failures one allocation of its pool is tried at a time\.$/,
    (world, job) => count(world, "pool_health where pool like '%' || ? || '%'", labelOf(job)) > 0,
  ],
  [/^Its pool has had more submits in this minute /, (world, job) => world.recentSubmits(labelOf(job)) >= 10],
  [
    /^Its last try, the allocation (\w+), failed, /,
    (world, { id }, [, allocation]) =>
      count(world, "allocations where id = ? and state = 'ended' and made_for_job_id = ?", allocation, id) ===
      1,
  ],
  [
    /^The last try for job (\d+), which comes first, the allocation (\w+), failed, /,
    (world, job, [, first, allocation]) =>
      Number(first) < job.id &&
      count(
        world,
        "allocations where id = ? and state = 'ended' and made_for_job_id = ? and profile = ?",
        allocation,
        Number(first),
        labelOf(job),
      ) === 1 &&
      count(world, "workflow_jobs where id = ? and status = 'queued'", Number(first)) === 1,
  ],
  [/^It has been queued for over 24 hours/, ({ wallMs }, job) => job.createdAtMs <= wallMs() - dayMs],
];

/** @returns those of `waiting` that nothing explains. */
export function unexplained(
  world: Surroundings,
  waiting: readonly SimulatedJob[],
  said: readonly Said[],
): Set<number> {
  const shown = new Map(said.map((job) => [job.id, job]));
  const live = new Set(
    world.query<{ id: string }>("select id from allocations where state <> 'ended'").map(({ id }) => id),
  );
  const unproven = new Map<string, number[]>();
  const explains = (job: SimulatedJob): boolean => {
    const { allocationId, reason } = shown.get(job.id) ?? {};
    // Taken: it is no other job's as well.
    if (allocationId !== undefined) return live.delete(allocationId);
    if (reason === undefined) return false;
    if (reason.startsWith('A runner that has started'))
      unproven.set(labelOf(job), [...(unproven.get(labelOf(job)) ?? []), job.id]);
    return judges.some(([pattern, judge]) => {
      const match = pattern.exec(reason);
      return match !== null && judge(world, job, match);
    });
  };
  const without = new Set(waiting.filter((job) => !explains(job)).map(({ id }) => id));
  for (const [label, jobs] of unproven) {
    const most =
      count(world, 'allocations where profile = ? and unconfirmed_since is not null', label) +
      count(
        world,
        "fences f join allocations a on a.id = f.allocation_id where a.profile = ? and f.answered_at is null and a.outcome = 'submit-lost'",
        label,
      );
    for (const id of jobs.slice(most)) without.add(id);
  }
  return without;
}
