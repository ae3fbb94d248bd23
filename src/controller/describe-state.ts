/**
 * `/api/state`. Which allocation serves which job is nominal (the k-th oldest queued job with the pool's k-th oldest
 * allocation, those that rest coming last) until `runner_name` proves one.
 */
import { inTurn, isSupply } from '../planner/deficit.ts';
import { explainWaits } from '../planner/explain-waits.ts';
import type { PoolSnapshot, Snapshot } from '../planner/snapshot.ts';
import { endedAllocations } from '../store/allocation-rows.ts';
import { liveAllocations } from '../store/live-allocations.ts';
import type { Allocation } from '../store/move-allocation.ts';
import { type RunnerRow, runnersOfAll } from '../store/runner-rows.ts';
import { countRunning, openJobRows, recentJobRows, type WorkflowJobRow } from '../store/workflow-job-rows.ts';
import type { Context, Handoff } from './context.ts';
import { queueHorizonMs } from './queue-horizon.ts';

const endedPage = 1_000;
const notAsked: Readonly<Record<Handoff['kind'], string>> = {
  callback:
    'Its Slurm job has started and has not asked for its runner yet: if that lasts, see whether its node reaches runner.callbackUrl.',
  mailbox:
    'Its Slurm job has started and has not asked for its runner yet: if that lasts, see what gha-slurm check --node says of its profile.',
};

export interface StateView {
  readonly pools: readonly {
    readonly scope: string;
    readonly profile: string;
    readonly labels: readonly string[];
    readonly queued: number;
    readonly running: number;
    readonly submitting: number;
    readonly pending: number;
    readonly claimed: number;
    readonly busy: number;
    /** Of the queued jobs: those that nothing is submitted for now, after attempts that started nothing. */
    readonly resting: number;
    readonly blocked?: string;
  }[];
  readonly jobs: readonly {
    readonly id: number;
    readonly repository: string;
    readonly status: string;
    readonly profile?: string;
    readonly queuedAt: string;
    readonly allocationId?: string;
    readonly reason?: string;
  }[];
  readonly allocations: readonly {
    readonly id: string;
    readonly scope: string;
    readonly profile: string;
    readonly state: string;
    readonly slurmJobId: number | null;
    readonly runnerName: string | null;
    /** Of mints before, whose answer was lost or never reached its Slurm job; oldest first. */
    readonly earlierRunnerNames?: readonly string[];
    readonly node?: string;
    /** Of an ended one's batch script. */
    readonly exitCode?: number;
    /** Of an ended one, where Slurm's accounting tells. */
    readonly peakMemoryMiB?: number;
    readonly outcome?: string;
    readonly reason?: string;
  }[];
  /** Hand it in as `?before=` for older ended allocations; absent on the last page. */
  readonly cursor?: string;
}

export function describeState(context: Context, snapshot: Snapshot, before?: string): StateView {
  const { store } = context;
  const ended = endedAllocations(store.db, endedPage, parseCursor(before));
  const shown = [...(before === undefined ? liveAllocations(store.db) : []), ...ended];
  const runners = runnersOfAll(
    store.db,
    shown.map((row) => row.id),
  );
  const jobs = [...openJobRows(store.db), ...recentJobRows(store.db, endedPage)];
  const served = nominal(snapshot, shown);
  const waits = explainWaits(snapshot);
  const queued = new Set(snapshot.pools.flatMap((pool) => pool.queued.map(({ id }) => id)));
  const last = ended.length === endedPage ? ended.at(-1) : undefined;
  return {
    pools: describePools(context, snapshot),
    jobs: jobs.map((job) =>
      describeJob(context, job, served.get(job.id), waits.get(job.id) ?? lastFailure(ended, job, queued)),
    ),
    allocations: shown.map((row) => describeAllocation(context, row, runners.get(row.id) ?? [])),
    ...(last === undefined ? {} : { cursor: `${last.endedAt}~${last.id}` }),
  };
}

function parseCursor(cursor: string | undefined): { endedAt: number; id: string } | undefined {
  const [endedAt, id] = cursor?.split('~') ?? [];
  return id === undefined ? undefined : { endedAt: Number(endedAt), id };
}

function nominal(snapshot: Snapshot, shown: readonly Allocation[]): Map<number, string> {
  const served = new Map<number, string>();
  for (const pool of snapshot.pools) {
    const supply = pool.allocations.filter(isSupply);
    for (const [index, job] of inTurn(pool).entries()) {
      const allocation = supply[index];
      if (allocation !== undefined) served.set(job.id, allocation.id);
    }
  }
  for (const row of shown) if (row.workflowJobId !== null) served.set(row.workflowJobId, row.id);
  return served;
}

export function describePools({ store }: Pick<Context, 'store'>, snapshot: Snapshot): StateView['pools'] {
  const running = countRunning(store.db);
  return snapshot.pools.map((pool) => describePool(pool, running.get(pool.pool.key) ?? 0));
}

function describePool(pool: PoolSnapshot, running: number): StateView['pools'][number] {
  const count = (state: string) => pool.allocations.filter((allocation) => allocation.state === state).length;
  return {
    scope: pool.pool.scope,
    profile: pool.pool.profile,
    labels: pool.pool.labels,
    queued: pool.queued.length,
    running,
    submitting: count('submitting'),
    pending: count('pending'),
    claimed: count('claimed'),
    busy: count('busy'),
    resting: pool.queued.filter(({ rest }) => rest !== null).length,
    ...(pool.blocked === null ? {} : { blocked: pool.blocked }),
  };
}

function describeJob(
  context: Context,
  job: WorkflowJobRow,
  allocationId: string | undefined,
  wait: string | undefined,
): StateView['jobs'][number] {
  const reason = job.reason ?? (allocationId === undefined ? (wait ?? outOfReach(context, job)) : null);
  return {
    id: job.id,
    repository: job.repository,
    status: job.verdict === 'rejected' && job.status === 'queued' ? 'rejected' : job.status,
    ...(job.profile === null ? {} : { profile: job.profile }),
    queuedAt: new Date(job.queuedAt ?? job.createdAt).toISOString(),
    ...(allocationId === undefined ? {} : { allocationId }),
    ...(reason === null ? {} : { reason }),
  };
}

/** Ends that are no failure: it did a job, or nobody wanted it. */
const noFailure: ReadonlySet<string | null> = new Set(['completed', 'surplus', null]);

/**
 * Why a job has no allocation that the next turn makes one for: the one that was made for it came to nothing; or one did that was made for
 * an older job, which is still queued, and what there is goes to that one first.
 */
function lastFailure(
  ended: readonly Allocation[],
  job: WorkflowJobRow,
  queued: ReadonlySet<number>,
): string | undefined {
  if (job.status !== 'queued') return undefined;
  const failed = ended.filter(({ pool, outcome }) => pool === job.pool && !noFailure.has(outcome));
  const own = failed.find(({ madeForJobId }) => madeForJobId === job.id);
  if (own !== undefined)
    return `Its last try, the allocation ${own.id}, failed, and another follows: ${own.reason}`;
  const older = failed.find(
    ({ madeForJobId }) => madeForJobId !== null && madeForJobId < job.id && queued.has(madeForJobId),
  );
  return older === undefined
    ? undefined
    : `The last try for job ${older.madeForJobId}, which comes first, the allocation ${older.id}, failed, and another follows: ${older.reason}`;
}

/** Why a queued job is no demand at all. */
function outOfReach({ config, clock }: Context, job: WorkflowJobRow): string | null {
  if (job.status !== 'queued') return null;
  if (!config.repositories.includes(job.repository)) return `${job.repository} is not watched any more.`;
  if ((job.queuedAt ?? job.createdAt) <= queueHorizonMs(clock))
    return 'It has been queued for over 24 hours: GitHub has given it up.';
  return null;
}

function describeAllocation(
  { seen, config }: Context,
  row: Allocation,
  runners: readonly RunnerRow[],
): StateView['allocations'][number] {
  const waiting = row.state === 'pending' ? seen.waiting.get(row.id) : undefined;
  const expected =
    waiting?.expectedStartMs == null
      ? ''
      : `, expected to start at ${new Date(waiting.expectedStartMs).toISOString()}`;
  const unclaimed =
    row.state === 'pending' && seen.phases.get(row.id) === 'running'
      ? (row.reason ?? notAsked[config.job.handoff.kind])
      : null;
  const unanswered =
    row.state === 'claimed' || row.state === 'busy' ? seen.unanswered.get(row.id) : undefined;
  const reason =
    unclaimed ??
    unanswered ??
    (waiting === undefined ? row.reason : `Slurm says ${waiting.reason}${expected}.`);
  const names = runners.map(({ name }) => name);
  return {
    id: row.id,
    scope: row.scope,
    profile: row.profile,
    state: row.state,
    slurmJobId: row.slurmJobId,
    runnerName: names.at(-1) ?? null,
    ...(names.length < 2 ? {} : { earlierRunnerNames: names.slice(0, -1) }),
    ...(row.node === null ? {} : { node: row.node }),
    ...(row.exitCode === null ? {} : { exitCode: row.exitCode }),
    ...(row.peakMemoryMiB === null ? {} : { peakMemoryMiB: row.peakMemoryMiB }),
    ...(row.outcome === null ? {} : { outcome: row.outcome }),
    ...(reason === null ? {} : { reason }),
  };
}
