/**
 * Deletes what was over long ago, a bounded number of rows at a time. Each function walks its table from the oldest row on, by an
 * index on what is over: it looks at the next `limit` rows, deletes those that nothing needs any more, and says where
 * to go on. A row that must stay is passed by once in a walk, so that many of them never make a batch longer.
 *
 * What stays, however old: what is not over; what GitHub or Slurm still has to be asked about (an open registration, an
 * open cancel or fence, a start that nobody has confirmed); and what any of that, or a live row, points to. Foreign
 * keys refuse what this overlooks.
 *
 * The file does not shrink: SQLite uses its free pages again, and history of a steady length needs them. `VACUUM` would take
 * the room of a second file and hold up the service meanwhile. `pool_health` has one row a pool, whatever the age.
 */
import type { Connection } from './connection.ts';
import { and, inArray, lte, type SQL, sql } from './drizzle.ts';
import {
  allocationEvents,
  allocationOutputs,
  allocations,
  cancels,
  fences,
  runners,
  workflowJobs,
  workflowRuns,
} from './schema.ts';

/** A place in the order of (time at which it was over, key). */
export interface PruneCursor {
  readonly at: number;
  readonly key: string | number;
}

export const pruneStart: PruneCursor = { at: Number.MIN_SAFE_INTEGER, key: '' };

export interface PruneBatch {
  /** Only what was over by then, in milliseconds since the Unix epoch. */
  readonly untilMs: number;
  /** Rows to look at. */
  readonly limit: number;
  /** `pruneStart`, or what the batch before gave. */
  readonly after: PruneCursor;
}

export interface Pruned {
  /** Rows of this table. */
  readonly deleted: number;
  /** Null at the end of the walk. */
  readonly next: PruneCursor | null;
}

/** Most allocations have six events and one runner; the few with thousands take several batches. */
const childrenPerRow = 10;

/** One statement for any number of keys, where a list of parameters is a statement for each number. */
const oneOf = (keys: readonly (string | number)[]): SQL =>
  sql`(select value from json_each(${JSON.stringify(keys)}))`;

function pruned(seen: readonly PruneCursor[], { limit }: PruneBatch, deleted: number): Pruned {
  return { deleted, next: seen.length < limit ? null : (seen.at(-1) ?? null) };
}

/** Ended allocations, with their events, runners, fences and output. */
export function pruneAllocations(db: Connection, batch: PruneBatch): Pruned {
  const { untilMs, limit, after } = batch;
  return db.transaction((tx) => {
    const seen = tx
      .select({ at: sql<number>`${allocations.endedAt}`, key: allocations.id })
      .from(allocations)
      .where(
        and(
          sql`${allocations.state} = 'ended'`,
          lte(allocations.endedAt, untilMs),
          sql`(${allocations.endedAt}, ${allocations.id}) > (${after.at}, ${after.key})`,
        ),
      )
      .orderBy(allocations.endedAt, allocations.id)
      .limit(limit)
      .all();
    const over = tx
      .select({ id: allocations.id })
      .from(allocations)
      .where(and(inArray(allocations.id, oneOf(seen.map(({ key }) => key))), nothingNeedsAllocation))
      .all();
    const ids = oneOf(over.map(({ id }) => id));
    const most = limit * childrenPerRow;
    tx.delete(allocationEvents)
      .where(
        sql`${allocationEvents.id} in (select id from ${allocationEvents} where allocation_id in ${ids} limit ${most})`,
      )
      .run();
    tx.delete(runners)
      .where(
        sql`${runners.name} in (select name from ${runners} where allocation_id in ${ids} limit ${most})`,
      )
      .run();
    tx.delete(fences).where(inArray(fences.allocationId, ids)).run();
    tx.delete(allocationOutputs).where(inArray(allocationOutputs.allocationId, ids)).run();
    const { changes } = tx
      .delete(allocations)
      .where(
        and(
          inArray(allocations.id, ids),
          sql`not exists (select 1 from ${allocationEvents} where ${allocationEvents.allocationId} = ${allocations.id})`,
          sql`not exists (select 1 from ${runners} where ${runners.allocationId} = ${allocations.id})`,
        ),
      )
      .run();
    // Some have more events or runners than one batch may take: the same again.
    return changes < over.length ? { deleted: changes, next: after } : pruned(seen, batch, changes);
  });
}

const nothingNeedsAllocation = and(
  sql`${allocations.unconfirmedSince} is null`,
  sql`not exists (select 1 from ${runners} where ${runners.allocationId} = ${allocations.id}
    and ${runners.state} in ('minting', 'registered', 'doubtful'))`,
  sql`not exists (select 1 from ${fences} where ${fences.allocationId} = ${allocations.id} and ${fences.doneAt} is null)`,
  sql`${allocations.slurmJobName} not in (select ${cancels.slurmJobName} from ${cancels} where ${cancels.doneAt} is null)`,
  sql`not exists (select 1 from ${workflowJobs} where ${workflowJobs.id} = ${allocations.workflowJobId}
    and ${workflowJobs.status} <> 'completed')`,
  // How often it was tried, and since when: domain/attempts.ts.
  sql`not exists (select 1 from ${workflowJobs} where ${workflowJobs.id} = ${allocations.madeForJobId}
    and ${workflowJobs.status} <> 'completed')`,
  sql`not exists (select 1 from ${runners} cross join ${workflowJobs} on ${workflowJobs.runnerName} = ${runners.name}
    where ${runners.allocationId} = ${allocations.id} and ${workflowJobs.status} <> 'completed')`,
);

/** Cancels that Slurm has answered. Nothing points to them. */
export function pruneCancels(db: Connection, { untilMs, limit }: PruneBatch): Pruned {
  const { changes } = db
    .delete(cancels)
    .where(
      sql`rowid in (select rowid from ${cancels} where done_at is not null and done_at <= ${untilMs} order by done_at limit ${limit})`,
    )
    .run();
  return { deleted: changes, next: changes < limit ? null : pruneStart };
}

/** Completed jobs, of runs that are completed too: a live run's jobs are listed, and would come back. */
export function pruneJobs(db: Connection, batch: PruneBatch): Pruned {
  const { untilMs, limit, after } = batch;
  return db.transaction((tx) => {
    const seen = tx
      .select({ at: sql<number>`${workflowJobs.completedAt}`, key: workflowJobs.id })
      .from(workflowJobs)
      .where(
        and(
          sql`${workflowJobs.status} = 'completed'`,
          lte(workflowJobs.completedAt, untilMs),
          sql`(${workflowJobs.completedAt}, ${workflowJobs.id}) > (${after.at}, ${after.key})`,
        ),
      )
      .orderBy(workflowJobs.completedAt, workflowJobs.id)
      .limit(limit)
      .all();
    const { changes } = tx
      .delete(workflowJobs)
      .where(and(inArray(workflowJobs.id, oneOf(seen.map(({ key }) => key))), nothingNeedsJob))
      .run();
    return pruned(seen, batch, changes);
  });
}

const nothingNeedsJob = and(
  sql`${workflowJobs.runId} not in (select ${workflowRuns.id} from ${workflowRuns} where ${workflowRuns.completedAt} is null)`,
  sql`${workflowJobs.id} not in (select ${allocations.workflowJobId} from ${allocations}
    where ${allocations.state} <> 'ended' and ${allocations.workflowJobId} is not null)`,
  sql`not exists (select 1 from ${runners} cross join ${allocations} on ${allocations.id} = ${runners.allocationId}
    where ${runners.name} = ${workflowJobs.runnerName} and ${allocations.state} <> 'ended')`,
);

/** Completed runs without a job that is not over. */
export function pruneRuns(db: Connection, batch: PruneBatch): Pruned {
  const { untilMs, limit, after } = batch;
  return db.transaction((tx) => {
    const seen = tx
      .select({ at: sql<number>`${workflowRuns.completedAt}`, key: workflowRuns.id })
      .from(workflowRuns)
      .where(
        and(
          lte(workflowRuns.completedAt, untilMs),
          sql`(${workflowRuns.completedAt}, ${workflowRuns.id}) > (${after.at}, ${after.key})`,
        ),
      )
      .orderBy(workflowRuns.completedAt, workflowRuns.id)
      .limit(limit)
      .all();
    const { changes } = tx
      .delete(workflowRuns)
      .where(
        and(
          inArray(workflowRuns.id, oneOf(seen.map(({ key }) => key))),
          sql`${workflowRuns.id} not in (select ${workflowJobs.runId} from ${workflowJobs} where ${workflowJobs.status} <> 'completed')`,
        ),
      )
      .run();
    return pruned(seen, batch, changes);
  });
}
