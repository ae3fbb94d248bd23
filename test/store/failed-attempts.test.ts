/** Which ended allocations count against the workflow job that they were made for. */
import { expect, it } from 'vitest';
import { poolOf } from '../../src/domain/pool.ts';
import type { WorkflowJob } from '../../src/domain/workflow-job.ts';
import { insertAllocation, updateAllocation } from '../../src/store/allocation-rows.ts';
import type { Connection } from '../../src/store/connection.ts';
import { failedAttempts } from '../../src/store/failed-attempts.ts';
import { moveAllocation } from '../../src/store/move-allocation.ts';
import { recordJob } from '../../src/store/workflow-job-rows.ts';
import { temporaryStore } from '../support/temporary-store.ts';

const labels = ['slurm-small'];
const pool = poolOf('acme/app', 'slurm-small', labels);

function job(db: Connection, id: number, status: WorkflowJob['status'] = 'queued'): void {
  const fixed = { runId: 1, runAttempt: 1, repository: 'acme/app', name: 'n', workflowName: null, labels };
  const course = {
    conclusion: null,
    runnerName: null,
    createdAtMs: 1,
    startedAtMs: null,
    completedAtMs: null,
  };
  const verdict = { kind: 'ours', profile: 'slurm-small', labels } as const;
  recordJob(db, { id, status, ...fixed, ...course }, verdict, pool.key, 1);
}

function ended(db: Connection, id: string, madeForJobId: number, outcome: string, atMs = 5): void {
  const row = { slurmJobName: `gha-x-${id}`, claimTokenHash: 'hash', slurmUser: null, atMs: 1 };
  insertAllocation(db, { id, pool, madeForJobId, ...row });
  const changes = { outcome, endedAt: atMs };
  moveAllocation(db, { id, from: 'submitting', to: 'ended', atMs, changes });
}

it.each([
  ['unclaimed', 1],
  ['runner-never-online', 1],
  ['idle', 1],
  ['registration-lost', 1],
  ['never-startable', 1],
  ['slurm:FAILED', 1],
  ['slurm:NODE_FAIL', 1],
  ['slurm:PREEMPTED', 1],
  ['slurm:CANCELLED', 1],
  ['slurm:REQUEUED', 1],
  ['slurm:GONE', 1],
  ['surplus', 0],
  ['submit-refused', 0],
  ['submit-lost', 0],
])('%s counts %i', (outcome, count) => {
  const { db } = temporaryStore();
  job(db, 7);
  ended(db, 'a', 7, outcome);
  expect(failedAttempts(db).get(7)?.count ?? 0).toBe(count);
});

it('counts each job by itself, and tells the last one', () => {
  const { db } = temporaryStore();
  job(db, 7);
  job(db, 8);
  job(db, 9, 'in_progress');
  ended(db, 'a', 7, 'slurm:FAILED', 20);
  ended(db, 'b', 7, 'idle', 30);
  ended(db, 'c', 7, 'unclaimed', 10);
  ended(db, 'd', 8, 'idle', 40);
  ended(db, 'e', 9, 'idle', 50);
  expect([...failedAttempts(db).values()]).toEqual([
    { jobId: 7, count: 3, lastEndedMs: 30, lastId: 'b' },
    { jobId: 8, count: 1, lastEndedMs: 40, lastId: 'd' },
  ]);
});

it('a start, a start that may have been, and a proof that comes later take it away', () => {
  const { db } = temporaryStore();
  job(db, 7);
  ended(db, 'a', 7, 'slurm:FAILED');
  for (const changes of ['unconfirmed_since = 5', 'started_at = 4']) {
    db.run(`update allocations set ${changes}`);
    expect(failedAttempts(db).size).toBe(0);
    db.run(`update allocations set ${changes.split(' ')[0]} = null`);
    expect(failedAttempts(db).size).toBe(1);
  }
  updateAllocation(db, 'a', { workflowJobId: 8 });
  expect(failedAttempts(db).size).toBe(0);
});
