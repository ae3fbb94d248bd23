/** The whole life of a workflow job in order, from the database alone: what was seen of it, and what was done for it. */
import { eventsOf, findAllocationOfJob, otherTries, ownTries } from '../store/allocation-history.ts';
import type { Connection } from '../store/connection.ts';
import type { Allocation } from '../store/move-allocation.ts';
import { newestOutput } from '../store/output-rows.ts';
import { type RunnerRow, runnersOfAll } from '../store/runner-rows.ts';
import { jobsByIds, type WorkflowJobRow } from '../store/workflow-job-rows.ts';
import { type Phases, phasesOf } from './phases.ts';

export interface LifeEvent {
  /** ISO 8601. */
  readonly at: string;
  readonly what: string;
}

export interface JobLife {
  readonly id: number;
  readonly runId: number;
  readonly attempt: number;
  readonly repository: string;
  readonly name: string;
  readonly labels: readonly string[];
  readonly status: string;
  /** What GitHub says that became of it; null until it is over. */
  readonly conclusion: string | null;
  /** Oldest first. */
  readonly events: readonly LifeEvent[];
  /** Tries of its pool that were made for other jobs that were queued beside it, before those that are told: how many. */
  readonly earlierTries: number;
  /** Of the allocations whose batch script was heard of, in the order in which they were made. */
  readonly phases: readonly Phases[];
  /** What Slurm's accounting has told of its allocations, in the same order. */
  readonly accounting: readonly Accounted[];
  /** The newest of what its allocations printed whose runner ended before a job started. */
  readonly output: { readonly allocationId: string; readonly at: string; readonly text: string } | null;
}

export interface Accounted {
  readonly allocationId: string;
  readonly peakMemoryMiB: number | null;
  /** How its Slurm job ended, where that was not known when the allocation did. */
  readonly end: string | null;
}

/** Of tries that were made for other jobs: its own are told whatever their number. */
const mostOtherTries = 20;

/** Null for a job that is not known: none of its labels is a profile, or it is over for longer than `database.keep`. */
export function jobLife(db: Connection, id: number): JobLife | null {
  const [job] = jobsByIds(db, [id]);
  if (job === undefined) return null;
  const own = findAllocationOfJob(db, id);
  // GitHub gives a queued job a time of start, too.
  const untilMs = job.runnerName === null ? job.completedAt : job.startedAt;
  const queued = job.pool === null ? null : { ...job, pool: job.pool, untilMs };
  const others = queued === null ? { newest: [], earlier: 0 } : otherTries(db, queued, mostOtherTries);
  const tries = [...ownTries(db, id), ...others.newest];
  const told = [...tries.filter((row) => row.id !== own?.id), ...(own === undefined ? [] : [own])].toSorted(
    (a, b) => a.createdAt - b.createdAt,
  );
  const runners = runnersOfAll(
    db,
    told.map((row) => row.id),
  );
  // In this order where the clock can't tell.
  const events = [
    ...arrivalOf(job),
    ...doneFor(db, told),
    ...told.flatMap((row) => mintsOf(row, runners.get(row.id) ?? [])),
    ...courseOf(job),
  ];
  return {
    id,
    runId: job.runId,
    attempt: job.runAttempt,
    repository: job.repository,
    name: job.name,
    labels: job.labels,
    status: job.verdict === 'rejected' && job.status === 'queued' ? 'rejected' : job.status,
    conclusion: job.conclusion,
    events: events
      .toSorted((a, b) => a.atMs - b.atMs)
      .map(({ atMs, what }) => ({ at: new Date(atMs).toISOString(), what })),
    earlierTries: others.earlier,
    phases: told.flatMap((row) => phasesOf(row, runners.get(row.id)?.at(-1)) ?? []),
    accounting: accountingOf(db, told),
    output: outputOf(db, told),
  };
}

function accountingOf(db: Connection, rows: readonly Allocation[]): Accounted[] {
  const unknown = new Set(
    eventsOf(
      db,
      rows.filter(({ outcome }) => outcome !== 'slurm:GONE').map(({ id }) => id),
    )
      .filter(({ toState, detail }) => toState === 'ended' && detail?.startsWith('slurm:GONE:') === true)
      .map(({ allocationId }) => allocationId),
  );
  return rows
    .filter((row) => row.peakMemoryMiB !== null || unknown.has(row.id))
    .map((row) => ({
      allocationId: row.id,
      peakMemoryMiB: row.peakMemoryMiB,
      end: unknown.has(row.id) ? row.reason : null,
    }));
}

function outputOf(db: Connection, rows: readonly Allocation[]): JobLife['output'] {
  const output = newestOutput(
    db,
    rows.map((row) => row.id),
  );
  return output === null
    ? null
    : { allocationId: output.allocationId, at: new Date(output.at).toISOString(), text: output.text };
}

interface Told {
  readonly atMs: number;
  readonly what: string;
}

function arrivalOf(job: WorkflowJobRow): Told[] {
  const judged = job.verdict === 'ours' ? `its profile is ${job.profile}` : `rejected: ${job.reason}`;
  return [
    { atMs: job.createdAt, what: 'queued at GitHub' },
    { atMs: job.firstSeenAt, what: `seen by this service: ${judged}` },
  ];
}

function courseOf(job: WorkflowJobRow): Told[] {
  const told: Told[] = [];
  if (job.startedAt !== null && job.runnerName !== null)
    told.push({ atMs: job.startedAt, what: `started on the runner ${job.runnerName}` });
  if (job.completedAt !== null)
    told.push({ atMs: job.completedAt, what: `over: ${job.conclusion ?? job.reason ?? 'unknown'}` });
  return told;
}

function doneFor(db: Connection, rows: readonly Allocation[]): Told[] {
  const ids = rows.map((row) => row.id);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return eventsOf(db, ids).map(({ allocationId, at, toState, detail }) => {
    const row = byId.get(allocationId);
    const slurmJob = row?.slurmJobId == null ? '' : `, Slurm job ${row.slurmJobId}`;
    const why = detail === null ? '' : `: ${detail}`;
    return { atMs: at, what: `allocation ${allocationId}${slurmJob} is ${toState}${why}` };
  });
}

const becameOf: Readonly<Record<RunnerRow['state'], string>> = {
  minting: 'GitHub has not answered yet',
  registered: 'GitHub has registered it',
  doubtful: "GitHub's answer was lost",
  refused: 'GitHub has refused it',
  deregistered: 'GitHub has it no more',
};

function mintsOf(row: Allocation, runners: readonly RunnerRow[]): Told[] {
  return runners.map(({ name, state, mintedAt, refusals }) => {
    const refused = refusals === 0 ? '' : ` (refused ${refusals} times)`;
    return {
      atMs: mintedAt,
      what: `allocation ${row.id} asks GitHub for the runner ${name}: ${becameOf[state]}${refused}`,
    };
  });
}
