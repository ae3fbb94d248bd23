/** After a clock that was set back nothing is left in the future, column by column: each is bounded, or named here with the reason. */
import { getTableColumns, getTableName, is } from 'drizzle-orm';
import { SQLiteInteger, SQLiteTable } from 'drizzle-orm/sqlite-core';
import { expect, it } from 'vitest';
import { boundTimes } from '../../src/store/bound-times.ts';
import * as schema from '../../src/store/schema.ts';
import { temporaryStore } from '../support/temporary-store.ts';

const nowMs = 1_000_000_000;
const futureMs = nowMs + 1_000_000_000;
const waits = {
  cancelMs: 1_000,
  fenceMs: 2_000,
  deregisterMs: 3_000,
  accountingMs: 4_000,
  poolMs: 5_000,
  strikesThatBlock: 3,
};
const longestMs = Math.max(...Object.values(waits));

const gitHubs = "GitHub's, or the wall clock's beside it";
const people = 'told to people, and compared with nothing';
const history = 'of what is over: only for how long it is kept counts from it';
const left: Readonly<Record<string, string>> = {
  'instance.created_at': people,
  'instance.backup_taken_at': people,
  'workflow_runs.first_seen_at': gitHubs,
  'workflow_runs.completed_at': gitHubs,
  'workflow_jobs.created_at': gitHubs,
  'workflow_jobs.queued_at': gitHubs,
  'workflow_jobs.started_at': gitHubs,
  'workflow_jobs.completed_at': gitHubs,
  'workflow_jobs.first_seen_at': gitHubs,
  'allocation_events.at': people,
  'allocation_outputs.at': people,
  'ended: allocations.submitted_at': people,
  'ended: allocations.first_claimed_at': people,
  'ended: allocations.node_started_at': people,
  'ended: allocations.started_at': people,
  'ended: allocations.releasing_at': people,
  'ended: allocations.unconfirmed_since': 'whether it is there counts, and not since when',
  'done: cancels.created_at': history,
  'done: cancels.retry_at': history,
  'done: cancels.done_at': history,
  'done: fences.created_at': history,
  'done: fences.retry_at': history,
  'done: fences.answered_at': history,
  'done: fences.done_at': history,
  'of an ended one: runners.minted_at': people,
  'of an ended one: runners.online_at': people,
  'of an ended one: runners.retry_at': history,
};

const isTime = (name: string): boolean => /(^at|At|Since)$/.test(name);

interface Row {
  /** Before the names of its columns. */
  readonly kind?: string;
  readonly table: SQLiteTable;
  readonly values: Readonly<Record<string, unknown>>;
}

const allocation = (id: string, state: string) => ({
  id,
  scope: 'acme/app',
  profile: 's',
  pool: 'p',
  labels: '[]',
  state,
  slurmJobName: id,
  slurmJobId: 7,
  claims: 1,
});
const runner = (name: string, allocationId: string, state: string) => ({
  name,
  allocationId,
  scope: 'acme/app',
  state,
  githubRunnerId: 1,
});
const fence = { slurmJobName: 'x', allocationId: 'ended' };
const cancel = { slurmJobId: 1, slurmJobName: 'x', reason: 'lost' };
const health = { stage: 'claim', reason: 'none' };

/** Of each table one that is not over, and one that is where that differs; the times that are not here are all in the future. */
const rows: readonly Row[] = [
  { table: schema.instance, values: { only: 1, id: 'i' } },
  { table: schema.workflowRuns, values: { id: 1, repository: 'acme/app' } },
  {
    table: schema.workflowJobs,
    values: {
      id: 1,
      runId: 1,
      runAttempt: 1,
      repository: 'acme/app',
      name: 'build',
      labels: '[]',
      status: 'queued',
      verdict: 'ours',
      profile: 's',
      pool: 'p',
    },
  },
  {
    table: schema.allocations,
    values: { ...allocation('live', 'busy'), endedAt: null, accountingDueAt: null },
  },
  {
    kind: 'ended',
    table: schema.allocations,
    values: { ...allocation('ended', 'ended'), outcome: 'idle' },
  },
  { table: schema.runners, values: runner('open', 'ended', 'registered') },
  { kind: 'refused', table: schema.runners, values: { ...runner('refused', 'live', 'refused'), retryAt: 0 } },
  { kind: 'of an ended one', table: schema.runners, values: runner('over', 'ended', 'deregistered') },
  { table: schema.allocationEvents, values: { allocationId: 'live', toState: 'busy' } },
  { table: schema.allocationOutputs, values: { allocationId: 'live', text: '' } },
  { table: schema.cancels, values: { ...cancel, doneAt: null } },
  { kind: 'done', table: schema.cancels, values: { ...cancel, slurmJobId: 2 } },
  { table: schema.fences, values: { ...fence, doneAt: null } },
  { kind: 'done', table: schema.fences, values: { ...fence, slurmJobName: 'y' } },
  { table: schema.poolHealth, values: { ...health, pool: 'p', strikes: 3 } },
  { kind: 'not blocked', table: schema.poolHealth, values: { ...health, pool: 'q', strikes: 1 } },
];

function timesOf(table: SQLiteTable): [key: string, column: string][] {
  return Object.entries(getTableColumns(table)).flatMap(([key, column]) =>
    is(column, SQLiteInteger) && isTime(key) ? [[key, column.name] as [string, string]] : [],
  );
}

it('bounds every time of the schema that something waits for or is done by', () => {
  const { db } = temporaryStore();
  db.$client.prepare('delete from instance').run();
  const inserted = rows.map(({ kind, table, values }) => {
    const columns = getTableColumns(table);
    const all = { ...Object.fromEntries(timesOf(table).map(([key]) => [key, futureMs])), ...values };
    const names = Object.keys(all).map((key) => columns[key]?.name ?? key);
    const { lastInsertRowid } = db.$client
      .prepare(`insert into ${getTableName(table)} (${names.join()}) values (${names.map(() => '?').join()})`)
      .run(...Object.values(all));
    return { kind, table, rowid: lastInsertRowid };
  });
  const tables = Object.values<unknown>(schema).filter((one) => is(one, SQLiteTable));
  expect(new Set(rows.map(({ table }) => table))).toEqual(new Set(tables));

  expect(boundTimes(db, nowMs, waits)).toBeGreaterThan(0);

  const future = inserted.flatMap(({ kind, table, rowid }) => {
    const name = getTableName(table);
    const row = db.$client.prepare(`select * from ${name} where rowid = ?`).get(rowid) as Record<
      string,
      number | null
    >;
    return timesOf(table).flatMap(([, column]) => {
      const isDue = column === 'retry_at' || column === 'accounting_due_at';
      return (row[column] ?? 0) > nowMs + (isDue ? longestMs : 0)
        ? `${kind === undefined ? '' : `${kind}: `}${name}.${column}`
        : [];
    });
  });
  expect(future.sort()).toEqual(Object.keys(left).sort());
  expect(boundTimes(db, nowMs, waits)).toBe(0);
});

it('what was made before a failure of its pool stays so, and what is in the past stays as it is', () => {
  const { db } = temporaryStore();
  const insert = db.$client.prepare(
    "insert into allocations (id, scope, profile, pool, labels, state, slurm_job_name, created_at, submitted_at) values (?, 's', 's', 'p', '[]', 'submitting', ?, ?, ?)",
  );
  insert.run('future', 'future', futureMs, futureMs + 1);
  insert.run('now', 'now', nowMs, nowMs);
  insert.run('past', 'past', nowMs - 5_000, null);
  db.insert(schema.poolHealth)
    .values({ pool: 'p', stage: 'claim', strikes: 1, reason: 'none', retryAt: futureMs + 2 })
    .run();
  // The allocation, and its pool twice.
  expect(boundTimes(db, nowMs, waits)).toBe(3);
  const made = db.$client.prepare('select id, created_at, submitted_at from allocations order by id').all();
  expect(made).toEqual([
    { id: 'future', created_at: nowMs - 1, submitted_at: nowMs },
    { id: 'now', created_at: nowMs, submitted_at: nowMs },
    { id: 'past', created_at: nowMs - 5_000, submitted_at: null },
  ]);
  expect(db.select().from(schema.poolHealth).get()?.retryAt).toBe(nowMs);
});
