import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Connection } from '../../src/store/connection.ts';
import { drizzle } from '../../src/store/drizzle.ts';
import { migrateDatabase } from '../../src/store/migrate.ts';
import {
  type PruneBatch,
  type PruneCursor,
  type Pruned,
  pruneAllocations,
  pruneCancels,
  pruneJobs,
  pruneRuns,
  pruneStart,
} from '../../src/store/prune-rows.ts';
import { insertEndedAllocations } from '../support/insert-ended-allocations.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

type Prune = (db: Connection, batch: PruneBatch) => Pruned;
const all: readonly Prune[] = [pruneAllocations, pruneCancels, pruneJobs, pruneRuns];

let template: Buffer | undefined;

function migratedDatabase(): Buffer {
  const path = join(temporaryFolder(), 'template.sqlite');
  migrateDatabase(path, 1);
  const sqlite = new Database(path);
  sqlite.pragma('journal_mode = DELETE');
  const bytes = sqlite.serialize();
  sqlite.close();
  return bytes;
}

/** A migrated database in memory. @param executed gets the text of every statement, with its values in it. */
function database(executed: string[] = []): { sqlite: Database.Database; db: Connection } {
  template ??= migratedDatabase();
  const sqlite = new Database(template, { verbose: (text) => void executed.push(String(text)) });
  sqlite.pragma('foreign_keys = ON');
  return { sqlite, db: drizzle(sqlite) };
}

const count = (sqlite: Database.Database, table: string): number =>
  Number(sqlite.prepare(`select count(*) from ${table}`).pluck().get());

/** Batches until the end. @returns how many there were. */
function walk(db: Connection, prune: Prune, untilMs: number, limit = 50): number {
  let after: PruneCursor | null = pruneStart;
  let batches = 0;
  while (after !== null) {
    after = prune(db, { untilMs, limit, after }).next;
    batches += 1;
    if (batches > 10_000) throw new Error('it does not end');
  }
  return batches;
}

describe('one batch, of 100,000 rows', () => {
  const history = { count: 20_000, firstMs: 1_000_000, everyMs: 1 };
  const tables = ['allocations', 'allocation_events', 'runners', 'workflow_jobs', 'workflow_runs', 'cancels'];

  it('takes a bounded number of rows, the oldest ones, and finds all of them by an index', () => {
    const executed: string[] = [];
    const { sqlite, db } = database(executed);
    insertEndedAllocations(sqlite, history);
    sqlite.exec(
      "insert into cancels (slurm_job_id, slurm_job_name, reason, created_at, retry_at, done_at) select slurm_job_id, slurm_job_name, 'surplus', 1, 1, ended_at from allocations",
    );
    const before = tables.map((table) => count(sqlite, table));
    expect(before.reduce((sum, rows) => sum + rows)).toBeGreaterThan(100_000);
    executed.length = 0;
    for (const prune of all) {
      const pruned = prune(db, { untilMs: 1_015_000, limit: 50, after: pruneStart });
      expect(pruned.deleted).toBe(50);
      expect(pruned.next).not.toBeNull();
    }
    const statements = executed.filter((text) => /^(?:select|delete)/i.test(text));
    expect(statements.length).toBeGreaterThanOrEqual(11);
    expect(
      tables.map((table) => count(sqlite, table)).map((rows, index) => (before[index] ?? 0) - rows),
    ).toEqual([50, 100, 50, 50, 50, 50]);
    expect(sqlite.prepare('select min(ended_at) from allocations').pluck().get()).toBe(1_000_050);

    const scans = statements.flatMap((text) =>
      (sqlite.prepare(`explain query plan ${text}`).all() as { detail: string }[])
        .filter(({ detail }) => /^SCAN|AUTOMATIC|TEMP B-TREE/.test(detail))
        .map(({ detail }) => detail),
    );
    // The list that it was given, and what is live: by indexes that have nothing else.
    const allowed =
      /^SCAN json_each|^SCAN \w+ USING (?:COVERING )?INDEX (?:cancels_open|workflow_runs_live|workflow_jobs_open|allocations_live|allocations_in_state)$/;
    expect(scans.filter((detail) => !allowed.test(detail))).toEqual([]);
  });

  it('goes on where the one before ended, and is over when it has seen all', () => {
    const { sqlite, db } = database();
    insertEndedAllocations(sqlite, history);
    expect(walk(db, pruneAllocations, 1_009_999)).toBe(10_000 / 50 + 1);
    expect(count(sqlite, 'allocations')).toBe(10_000);
    expect(walk(db, pruneAllocations, 1_009_999)).toBe(1);
  });

  it('passes by what has to stay, however much that is', () => {
    const { sqlite, db } = database();
    insertEndedAllocations(sqlite, { ...history, count: 1_000 });
    sqlite.exec("update runners set state = 'registered' where rowid <= 900");
    const first = pruneAllocations(db, { untilMs: 2_000_000, limit: 50, after: pruneStart });
    expect(first).toEqual({ deleted: 0, next: { at: 1_000_049, key: 'history000000049' } });
    expect(walk(db, pruneAllocations, 2_000_000)).toBe(1_000 / 50 + 1);
    expect(count(sqlite, 'allocations')).toBe(900);
  });

  it('takes no more events than ten a row, and comes back for the rest', () => {
    const { sqlite, db } = database();
    insertEndedAllocations(sqlite, { ...history, count: 3 });
    sqlite.exec(`with recursive n(i) as (select 1 union all select i + 1 from n where i < 70)
      insert into allocation_events (allocation_id, at, to_state) select 'history000000001', i, 'claimed' from n`);
    const rows: number[] = [];
    let after: PruneCursor | null = pruneStart;
    while (after !== null) {
      const before = count(sqlite, 'allocation_events');
      after = pruneAllocations(db, { untilMs: 2_000_000, limit: 3, after }).next;
      rows.push(before - count(sqlite, 'allocation_events'));
    }
    expect(Math.max(...rows)).toBeLessThanOrEqual(30);
    expect(rows.reduce((sum, row) => sum + row)).toBe(76);
    expect(count(sqlite, 'allocations')).toBe(0);
  });

  it('every foreign key has an index, so that deleting what it points to scans nothing', () => {
    const { sqlite } = database();
    const names = sqlite
      .prepare("select name from sqlite_master where type = 'table'")
      .pluck()
      .all() as string[];
    const keys = names.flatMap((table) =>
      (sqlite.pragma(`foreign_key_list(${table})`) as { from: string }[]).map(({ from }) => ({
        table,
        from,
      })),
    );
    expect(keys.length).toBeGreaterThan(2);
    for (const { table, from } of keys) {
      const whole = (sqlite.pragma(`index_list(${table})`) as { name: string; partial: number }[]).filter(
        ({ partial }) => partial === 0,
      );
      const leading = whole.map(
        ({ name }) => (sqlite.pragma(`index_info(${name})`) as { name: string }[])[0]?.name,
      );
      expect(leading, `${table}.${from}`).toContain(from);
    }
  });
});

describe('an old row stays', () => {
  const until = 2_000_000;
  const id = "'history000000000'";
  const job = 1_000_000;
  const cancel = (done: string) =>
    `insert into cancels (slurm_job_id, slurm_job_name, reason, created_at, retry_at, done_at) values (7, 'gha-x-history000000000', 'surplus', 1, 1, ${done})`;
  const fence = (done: string) =>
    `insert into fences (slurm_job_name, allocation_id, created_at, retry_at, done_at) values ('gha-x-history000000000', ${id}, 1, 1, ${done})`;
  const live = `insert into allocations (id, scope, profile, pool, labels, state, slurm_job_name, slurm_job_id, created_at, workflow_job_id) values ('live', 'acme/app', 'slurm-small', 'p', '[]', 'busy', 'gha-x-live', 9, 1, ${job})`;

  it.each<readonly [string, Prune, string, string, string]>([
    [
      'an allocation with an open registration',
      pruneAllocations,
      'allocations',
      "update runners set state = 'registered'",
      "update runners set state = 'deregistered'",
    ],
    [
      'one with a registration in doubt',
      pruneAllocations,
      'allocations',
      "update runners set state = 'doubtful'",
      "update runners set state = 'refused'",
    ],
    [
      'one with an open fence',
      pruneAllocations,
      'allocations',
      fence('null'),
      'update fences set done_at = 5',
    ],
    [
      'one with an open cancel',
      pruneAllocations,
      'allocations',
      cancel('null'),
      'update cancels set done_at = 5',
    ],
    [
      'one that was made for a job that is not over',
      pruneAllocations,
      'allocations',
      `insert into workflow_jobs (id, run_id, run_attempt, repository, name, labels, status, verdict, reason, created_at, first_seen_at) values (5, 1, 1, 'acme/app', 'waits', '[]', 'queued', 'rejected', 'r', 1, 1); update allocations set made_for_job_id = 5`,
      "update workflow_jobs set status = 'completed' where id = 5",
    ],
    [
      'one with a start that nobody has confirmed',
      pruneAllocations,
      'allocations',
      'update allocations set unconfirmed_since = 5',
      'update allocations set unconfirmed_since = null',
    ],
    [
      'one whose job is not over',
      pruneAllocations,
      'allocations',
      "update workflow_jobs set status = 'in_progress', runner_name = null",
      "update workflow_jobs set status = 'completed'",
    ],
    [
      'one whose runner is named by a job that is not over',
      pruneAllocations,
      'allocations',
      "update allocations set workflow_job_id = null; update workflow_jobs set status = 'in_progress'",
      "update workflow_jobs set status = 'completed'",
    ],
    [
      'a cancel that is not answered',
      pruneCancels,
      'cancels',
      cancel('null'),
      'update cancels set done_at = 5',
    ],
    [
      'a cancel that was answered lately',
      pruneCancels,
      'cancels',
      cancel(String(until + 1)),
      'update cancels set done_at = 5',
    ],
    [
      'a job that is queued',
      pruneJobs,
      'workflow_jobs',
      "update workflow_jobs set status = 'queued'",
      "update workflow_jobs set status = 'completed'",
    ],
    [
      'a job whose run is live',
      pruneJobs,
      'workflow_jobs',
      'update workflow_runs set completed_at = null',
      'update workflow_runs set completed_at = 5',
    ],
    [
      'a job that a live allocation ran',
      pruneJobs,
      'workflow_jobs',
      `update workflow_jobs set runner_name = null; ${live}`,
      "update allocations set state = 'ended', outcome = 'completed', ended_at = 5 where id = 'live'",
    ],
    [
      'a job that names the runner of a live allocation',
      pruneJobs,
      'workflow_jobs',
      `${live}; update allocations set workflow_job_id = null; update runners set allocation_id = 'live'`,
      "update allocations set state = 'ended', outcome = 'completed', ended_at = 5 where id = 'live'",
    ],
    [
      'a run that is live',
      pruneRuns,
      'workflow_runs',
      'update workflow_runs set completed_at = null',
      'update workflow_runs set completed_at = 5',
    ],
    [
      'a run with a job that is not over',
      pruneRuns,
      'workflow_runs',
      "update workflow_jobs set status = 'waiting'",
      "update workflow_jobs set status = 'completed'",
    ],
  ])('%s, until that is over', (_what, prune, table, needed, over) => {
    const { sqlite, db } = database();
    insertEndedAllocations(sqlite, { count: 1 });
    sqlite.exec(needed);
    const before = count(sqlite, table);
    walk(db, prune, until);
    expect(count(sqlite, table)).toBe(before);
    sqlite.exec(over);
    walk(db, prune, until);
    expect(count(sqlite, table)).toBe(before - (table === 'allocations' ? 1 : before));
  });
});

/** What a row of an arbitrary history is like; `old` is over long ago. */
const allocation = fc.record({
  state: fc.constantFrom('submitting', 'busy', 'ended', 'ended', 'ended'),
  old: fc.boolean(),
  unconfirmed: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  runners: fc.array(fc.constantFrom('deregistered', 'deregistered', 'refused', 'registered', 'doubtful'), {
    maxLength: 2,
  }),
  fence: fc.constantFrom(null, null, 'open', 'done'),
  cancel: fc.constantFrom(null, null, 'open', 'old', 'new'),
  job: fc.option(
    fc.record({
      status: fc.constantFrom('queued', 'in_progress', 'completed', 'completed', 'completed'),
      old: fc.boolean(),
      named: fc.boolean(),
      run: fc.constantFrom('live', 'old', 'old', 'new'),
    }),
  ),
});

describe('any history', () => {
  const untilMs = 1_000;
  const atOf = (old: boolean): number => (old ? 900 : 1_100);

  it('loses what is old and needed by nothing, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(allocation, { maxLength: 12 }), fc.integer({ min: 1, max: 4 }), (rows, limit) => {
        const { sqlite, db } = database();
        const stays = { allocations: [] as string[], jobs: [] as number[], runs: [] as number[], cancels: 0 };
        for (const [index, row] of rows.entries()) {
          const id = `a${index}`;
          const name = `gha-x-${id}`;
          const ended = row.state === 'ended';
          const { job } = row;
          sqlite
            .prepare(
              "insert into allocations (id, scope, profile, pool, labels, state, slurm_job_name, slurm_job_id, created_at, ended_at, outcome, unconfirmed_since, workflow_job_id) values (?, 's', 'p', 'k', '[]', ?, ?, ?, 1, ?, ?, ?, ?)",
            )
            .run(
              id,
              row.state,
              name,
              index,
              ended ? atOf(row.old) : null,
              ended ? 'completed' : null,
              row.unconfirmed ? 5 : null,
              job === null || job.named ? null : index,
            );
          sqlite
            .prepare(
              "insert into allocation_events (allocation_id, at, to_state) values (?, 1, 'submitting')",
            )
            .run(id);
          sqlite
            .prepare("insert into allocation_outputs (allocation_id, at, text) values (?, 1, 'it failed')")
            .run(id);
          for (const [n, state] of row.runners.entries()) {
            sqlite
              .prepare(
                "insert into runners (name, allocation_id, scope, state, github_runner_id, minted_at) values (?, ?, 's', ?, 1, 1)",
              )
              .run(`${name}-${n}`, id, state);
          }
          if (row.fence !== null) {
            sqlite
              .prepare(
                'insert into fences (slurm_job_name, allocation_id, created_at, retry_at, done_at) values (?, ?, 1, 1, ?)',
              )
              .run(name, id, row.fence === 'done' ? 2 : null);
          }
          if (row.cancel !== null) {
            sqlite
              .prepare(
                "insert into cancels (slurm_job_id, slurm_job_name, reason, created_at, retry_at, done_at) values (?, ?, 'r', 1, 1, ?)",
              )
              .run(index, name, row.cancel === 'open' ? null : atOf(row.cancel === 'old'));
            if (row.cancel !== 'old') stays.cancels += 1;
          }
          if (job !== null) {
            const over = job.status === 'completed';
            sqlite
              .prepare(
                'insert into workflow_runs (id, repository, first_seen_at, completed_at) values (?, ?, 1, ?)',
              )
              .run(index, 'acme/app', job.run === 'live' ? null : atOf(job.run === 'old'));
            sqlite
              .prepare(
                "insert into workflow_jobs (id, run_id, run_attempt, repository, name, labels, status, verdict, profile, pool, runner_name, created_at, completed_at, first_seen_at) values (?, ?, 1, 'acme/app', 'j', '[]', ?, 'ours', 'p', 'k', ?, 1, ?, 1)",
              )
              .run(index, index, job.status, job.named ? `${name}-0` : null, over ? atOf(job.old) : null);
            const pointedTo = !ended && (!job.named || row.runners.length > 0);
            if (!over || !job.old || job.run === 'live' || pointedTo) stays.jobs.push(index);
            if (job.run !== 'old' || !over) stays.runs.push(index);
          }
          const liveJob =
            job !== null && job.status !== 'completed' && (!job.named || row.runners.length > 0);
          const open =
            row.unconfirmed ||
            row.fence === 'open' ||
            row.cancel === 'open' ||
            row.runners.some((state) => state === 'registered' || state === 'doubtful');
          if (!ended || !row.old || open || liveJob) stays.allocations.push(id);
        }
        for (const prune of all) walk(db, prune, untilMs, limit);
        const left = (query: string): unknown[] => sqlite.prepare(query).pluck().all();
        expect(left('select id from allocations order by rowid')).toEqual(stays.allocations);
        expect(left('select distinct allocation_id from allocation_events order by id')).toEqual(
          stays.allocations,
        );
        expect(left('select allocation_id from allocation_outputs order by rowid')).toEqual(
          stays.allocations,
        );
        expect(left('select id from workflow_jobs')).toEqual(stays.jobs);
        expect(left('select id from workflow_runs')).toEqual(stays.runs);
        expect(count(sqlite, 'cancels')).toBe(stays.cancels);
        expect(sqlite.pragma('foreign_key_check')).toEqual([]);
        sqlite.close();
      }),
      { numRuns: 150 },
    );
  });
});
