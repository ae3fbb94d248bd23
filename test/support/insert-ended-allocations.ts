import type Database from 'better-sqlite3';

export interface History {
  readonly count: number;
  /** Milliseconds since the Unix epoch: when the first one ended. */
  readonly firstMs?: number;
  /** From one to the next. */
  readonly everyMs?: number;
}

const pool = '["acme/app","slurm-small",["slurm-small"]]';

/** Allocations that are over, each with two events, a runner that is gone, and the job that it ran; a run for every ten jobs. */
export function insertEndedAllocations(
  sqlite: Database.Database,
  { count, firstMs = 1_000_000, everyMs = 1 }: History,
): void {
  const history = `with recursive history(i, id, at) as (
    select 0, printf('history%09d', 0), ${firstMs}
    union all
    select i + 1, printf('history%09d', i + 1), at + ${everyMs} from history where i < ${count - 1})`;
  sqlite.transaction(() => {
    sqlite.exec(`
      ${history} insert into workflow_runs (id, repository, first_seen_at, completed_at)
        select 1000 + i / 10, 'acme/app', at - 900, at from history where i % 10 = 0;
      ${history} insert into workflow_jobs (id, run_id, run_attempt, repository, name, labels, status, conclusion, verdict, profile, pool, runner_name, created_at, completed_at, first_seen_at)
        select 1000000 + i, 1000 + i / 10, 1, 'acme/app', 'job', '["slurm-small"]', 'completed', 'success', 'ours', 'slurm-small', '${pool}', 'gha-x-' || id || '-1', at - 900, at, at - 800 from history;
      ${history} insert into allocations (id, scope, profile, pool, labels, state, slurm_job_name, slurm_job_id, claims, created_at, ended_at, workflow_job_id, outcome, reason)
        select id, 'acme/app', 'slurm-small', '${pool}', '["slurm-small"]', 'ended', 'gha-x-' || id, i, 1, at - 900, at, 1000000 + i, 'completed', 'Slurm job ' || i || ' is COMPLETED.' from history;
      ${history} insert into runners (name, allocation_id, scope, state, github_runner_id, minted_at)
        select 'gha-x-' || id || '-1', id, 'acme/app', 'deregistered', i, at - 500 from history;
      ${history} insert into allocation_events (allocation_id, at, from_state, to_state)
        select id, at - 900, null, 'submitting' from history;
      ${history} insert into allocation_events (allocation_id, at, from_state, to_state)
        select id, at, 'submitting', 'ended' from history;`);
  })();
}
