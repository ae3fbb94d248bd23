/** What the service reads again and again comes from indexes on what is live, whatever the history: SQLite's own plans for what the functions run. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import * as accountingRows from '../../src/store/accounting-rows.ts';
import * as allocationRows from '../../src/store/allocation-rows.ts';
import * as cancelRows from '../../src/store/cancel-rows.ts';
import type { Connection } from '../../src/store/connection.ts';
import { drizzle } from '../../src/store/drizzle.ts';
import * as failedAttempts from '../../src/store/failed-attempts.ts';
import * as liveAllocationRows from '../../src/store/live-allocations.ts';
import { migrateDatabase } from '../../src/store/migrate.ts';
import * as poolHealthRows from '../../src/store/pool-health-rows.ts';
import * as recentAllocations from '../../src/store/recent-allocations.ts';
import * as runnerRows from '../../src/store/runner-rows.ts';
import * as workflowJobRows from '../../src/store/workflow-job-rows.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Every function that the service calls with what it has, by name. */
const calls: Readonly<Record<string, (db: Connection) => unknown>> = {
  findAllocation: (db) => allocationRows.findAllocation(db, 'a'),
  liveAllocations: (db) => liveAllocationRows.liveAllocations(db),
  liveAllocationsInBrief: (db) => liveAllocationRows.liveAllocationsInBrief(db),
  allocationsIn: (db) => liveAllocationRows.allocationsIn(db, 'busy'),
  liveAllocationBySlurmJob: (db) => liveAllocationRows.liveAllocationBySlurmJob(db, 5),
  countClaimed: (db) => liveAllocationRows.countClaimed(db, 'p', 'a'),
  quietAllocations: (db) => liveAllocationRows.quietAllocations(db, 5),
  busyWithJobOver: (db) => liveAllocationRows.busyWithJobOver(db),
  endedSupply: (db) => allocationRows.endedSupply(db),
  unconfirmedAllocations: (db) => allocationRows.unconfirmedAllocations(db, 's'),
  endedAllocations: (db) => allocationRows.endedAllocations(db, 1_000, { endedAt: 5, id: 'a' }),
  allocationsByIds: (db) => allocationRows.allocationsByIds(db, ['a', 'b']),
  userOfSlurmJob: (db) => allocationRows.userOfSlurmJob(db, 'n'),
  updateAllocation: (db) => allocationRows.updateAllocation(db, 'a', { reason: 'r' }),
  countClaim: (db) => allocationRows.countClaim(db, 'a'),
  forgiveClaim: (db) => allocationRows.forgiveClaim(db, 'a'),
  dueForAccounting: (db) => accountingRows.dueForAccounting(db, 5, 50),
  closeAccounting: (db) => accountingRows.closeAccounting(db, 'a', { exitCode: 1 }),
  postponeAccounting: (db) => accountingRows.postponeAccounting(db, 'a', 5),
  giveUpAccounting: (db) => accountingRows.giveUpAccounting(db, 5),
  recentAllocations: (db) => recentAllocations.recentAllocations(db, 5),
  failedAttempts: (db) => failedAttempts.failedAttempts(db),
  liveRunIds: (db) => workflowJobRows.liveRunIds(db, 'r'),
  openJobs: (db) => workflowJobRows.openJobs(db, 'r'),
  openJobRows: (db) => workflowJobRows.openJobRows(db),
  queuedJobs: (db) => workflowJobRows.queuedJobs(db, 5),
  countRunning: (db) => workflowJobRows.countRunning(db),
  countQueued: (db) => workflowJobRows.countQueued(db, 'p', 5),
  jobsByIds: (db) => workflowJobRows.jobsByIds(db, [1, 2]),
  recordMiss: (db) => workflowJobRows.recordMiss(db, 1, 5),
  dueCancels: (db) => cancelRows.dueCancels(db, 5),
  withdrawFence: (db) => cancelRows.withdrawFence(db, 'n', 5),
  dueFences: (db) => cancelRows.dueFences(db, 5),
  runnersOf: (db) => runnerRows.runnersOf(db, 'a'),
  openRunnersOf: (db) => runnerRows.openRunnersOf(db, 'a'),
  findRunner: (db) => runnerRows.findRunner(db, 'n'),
  doubtAllMints: (db) => runnerRows.doubtAllMints(db),
  markDeregistered: (db) => runnerRows.markDeregistered(db, 'n'),
  postponeDeregister: (db) => runnerRows.postponeDeregister(db, 'n', 5),
  markOnline: (db) => runnerRows.markOnline(db, 'n', 5),
  leftoverRunners: (db) => runnerRows.leftoverRunners(db, 5),
  unstartedLeftovers: (db) => runnerRows.unstartedLeftovers(db, { scope: 's', pool: 'p' }),
  countOpenRunners: (db) => runnerRows.countOpenRunners(db),
  runnersOfAll: (db) => runnerRows.runnersOfAll(db, ['a', 'b']),
  allPoolHealth: (db) => poolHealthRows.allPoolHealth(db),
  findPoolHealth: (db) => poolHealthRows.findPoolHealth(db, 'p'),
};

/** One row a pool, no row of a table at all, and a list of keys that the caller has. */
const small = /^SCAN (?:pool_health|CONSTANT ROW|json_each VIRTUAL TABLE INDEX 1:)$/;
/** Indexes that have nothing but what is live, or waits for an answer. */
const live =
  / USING (?:COVERING )?INDEX (?:allocations_live|allocations_in_state|allocations_unconfirmed|fences_unanswered|runners_open|runners_one_mint|workflow_jobs_open|workflow_jobs_queued)\b/;

it.each(Object.keys(calls))('%s reads no history', (name) => {
  const path = join(temporaryFolder(), 'gha-slurm.sqlite');
  migrateDatabase(path, 1);
  const executed: string[] = [];
  const sqlite = new Database(path, { verbose: (text) => void executed.push(String(text)) });
  onTestFinished(() => void sqlite.close());
  calls[name]?.(drizzle(sqlite));
  const statements = executed.filter((text) => /^(?:select|update|delete)/i.test(text));
  expect(statements).not.toEqual([]);
  const scans = statements
    .flatMap((text) => sqlite.prepare(`explain query plan ${text}`).all() as { detail: string }[])
    .map(({ detail }) => detail)
    .filter((detail) => detail.startsWith('SCAN') && !small.test(detail) && !live.test(detail));
  expect(scans).toEqual([]);
});

it('every function that reads is among them', () => {
  const modules = {
    ...accountingRows,
    ...allocationRows,
    ...cancelRows,
    ...failedAttempts,
    ...poolHealthRows,
    ...recentAllocations,
    ...runnerRows,
    ...workflowJobRows,
  };
  const reads = Object.entries(modules)
    .filter(
      ([, value]) =>
        typeof value === 'function' && /\.select\(|\.update\(|\.(?:all|get)\(/.test(String(value)),
    )
    .map(([name]) => name);
  // By a whole key, given a row that was read; or a page of history, in the order of its key.
  const others = ['postponeCancel', 'answerFence', 'postponeFence', 'finishMint', 'recentJobRows'];
  expect(reads.filter((name) => calls[name] === undefined).sort()).toEqual(others.sort());
});
