/** What must never happen, and what says so: the database itself. */
import { describe, expect, it } from 'vitest';
import { allocationStates } from '../../src/domain/allocation-state.ts';
import { poolOf } from '../../src/domain/pool.ts';
import { findAllocation, insertAllocation, updateAllocation } from '../../src/store/allocation-rows.ts';
import type { Connection } from '../../src/store/connection.ts';
import { moveAllocation } from '../../src/store/move-allocation.ts';
import { insertMint } from '../../src/store/runner-rows.ts';
import { temporaryStore } from '../support/temporary-store.ts';

const pool = poolOf('acme/app', 'slurm-small', ['slurm-small']);

function insert(db: Connection, id: string): void {
  insertAllocation(db, {
    id,
    pool,
    slurmJobName: `gha-x-${id}`,
    claimTokenHash: 'hash',
    slurmUser: null,
    madeForJobId: 1,
    atMs: 1,
  });
}

describe('the schema refuses', () => {
  it.each([
    ['an unknown state', "update allocations set state = 'lost' where id = 'a'", /allocations_state/],
    [
      'an acknowledged row without a Slurm job',
      "update allocations set state = 'pending' where id = 'a'",
      /allocations_acknowledged_has_id/,
    ],
    [
      'an end without an outcome',
      "update allocations set state = 'ended', ended_at = 5 where id = 'a'",
      /allocations_ended_has_outcome/,
    ],
    [
      'an end without a time',
      "update allocations set state = 'ended', outcome = 'idle' where id = 'a'",
      /allocations_ended_has_time/,
    ],
    [
      'an outcome of a live row',
      "update allocations set outcome = 'idle' where id = 'a'",
      /ended_has_outcome/,
    ],
    [
      'a claim without its time',
      "update allocations set state = 'claimed', slurm_job_id = 7 where id = 'a'",
      /allocations_claimed_has_time/,
    ],
    [
      'a release without a reason',
      "update allocations set state = 'releasing', slurm_job_id = 7 where id = 'a'",
      /allocations_releasing_has_outcome/,
    ],
    ['a fourth claim', "update allocations set claims = 4 where id = 'a'", /allocations_claims_bounded/],
    [
      'a peak of what runs',
      "update allocations set peak_memory_mib = 5 where id = 'a'",
      /allocations_peak_is_of_ended/,
    ],
    [
      'a question to accounting without a Slurm job',
      "update allocations set state = 'ended', outcome = 'idle', ended_at = 5, accounting_due_at = 6 where id = 'a'",
      /allocations_accounted_has_id/,
    ],
    [
      'a name twice',
      "update allocations set slurm_job_name = 'gha-x-b' where id = 'a'",
      /UNIQUE.*slurm_job_name/,
    ],
    [
      'a second instance',
      "insert into instance (only, id, created_at) values (2, 'x', 1)",
      /instance_single_row/,
    ],
    [
      'a runner of no allocation',
      "insert into runners (name, allocation_id, scope, state, minted_at) values ('r', 'z', 's', 'minting', 1)",
      /FOREIGN KEY/,
    ],
    [
      'a registration without its id',
      "insert into runners (name, allocation_id, scope, state, minted_at) values ('r', 'a', 's', 'registered', 1)",
      /runners_registered_has_id/,
    ],
    [
      'a job of ours without a pool',
      "insert into workflow_jobs (id, run_id, run_attempt, repository, name, labels, status, verdict, created_at, first_seen_at) values (1, 1, 1, 'r', 'n', '[]', 'queued', 'ours', 1, 1)",
      /workflow_jobs_ours_has_pool/,
    ],
    [
      'a rejection without a reason',
      "insert into workflow_jobs (id, run_id, run_attempt, repository, name, labels, status, verdict, created_at, first_seen_at) values (1, 1, 1, 'r', 'n', '[]', 'queued', 'rejected', 1, 1)",
      /workflow_jobs_rejected_has_reason/,
    ],
  ])('%s', (_what, statement, constraint) => {
    const { db } = temporaryStore();
    insert(db, 'a');
    insert(db, 'b');
    expect(() => db.run(statement)).toThrow(
      expect.objectContaining({
        cause: expect.objectContaining({ message: expect.stringMatching(constraint) }),
      }),
    );
  });

  it('a Slurm job that holds two live allocations; an ended one may have had it', () => {
    const { db } = temporaryStore();
    for (const id of ['a', 'b']) insert(db, id);
    updateAllocation(db, 'a', { slurmJobId: 7 });
    expect(() => updateAllocation(db, 'b', { slurmJobId: 7 })).toThrow();
    const changes = { outcome: 'completed', endedAt: 2 };
    moveAllocation(db, { id: 'a', from: 'submitting', to: 'ended', atMs: 2, changes });
    updateAllocation(db, 'b', { slurmJobId: 7 });
    expect(findAllocation(db, 'b')?.slurmJobId).toBe(7);
  });

  it('two mints for one allocation at once', () => {
    const { db } = temporaryStore();
    insert(db, 'a');
    insertMint(db, { name: 'r-1', allocationId: 'a', scope: 's' }, 1);
    expect(() => insertMint(db, { name: 'r-2', allocationId: 'a', scope: 's' }, 1)).toThrow();
  });
});

describe('moveAllocation', () => {
  it('throws for every move that the table lacks, and writes nothing', () => {
    const { db } = temporaryStore();
    insert(db, 'a');
    for (const to of allocationStates) {
      expect(() => moveAllocation(db, { id: 'a', from: 'ended', to, atMs: 2 })).toThrow(
        /can't move from ended/,
      );
    }
    expect(findAllocation(db, 'a')?.state).toBe('submitting');
  });

  it('changes nothing when someone was faster, its event neither', () => {
    const { db } = temporaryStore();
    insert(db, 'a');
    const pending = {
      id: 'a',
      from: 'submitting',
      to: 'pending',
      atMs: 2,
      changes: { slurmJobId: 7 },
    } as const;
    expect(moveAllocation(db, pending)).toBe(true);
    expect(moveAllocation(db, { ...pending, changes: { slurmJobId: 8 } })).toBe(false);
    expect(findAllocation(db, 'a')?.slurmJobId).toBe(7);
    const events = db.all<{ to_state: string }>('select to_state from allocation_events order by id');
    expect(events.map((event) => event.to_state)).toEqual(['submitting', 'pending']);
  });

  it('rolls back with the transaction around it', () => {
    const { db } = temporaryStore();
    insert(db, 'a');
    expect(() =>
      db.transaction((tx) => {
        moveAllocation(tx, {
          id: 'a',
          from: 'submitting',
          to: 'pending',
          atMs: 2,
          changes: { slurmJobId: 7 },
        });
        throw new Error('stop');
      }),
    ).toThrow('stop');
    expect(findAllocation(db, 'a')?.state).toBe('submitting');
  });
});
