/**
 * What is remembered. What must never happen is a constraint here and not an `if` elsewhere; partial indexes on what
 * is live keep a tick's cost independent of history, and those on what is over let it be deleted by its age. Times are
 * milliseconds since the Unix epoch.
 */

import { allocationStates } from '../domain/allocation-state.ts';
import { noAttempt } from '../domain/attempts.ts';
import { workflowJobStatuses } from '../domain/workflow-job.ts';
import { check, index, integer, primaryKey, sql, sqliteTable, text, uniqueIndex } from './drizzle.ts';

/** Interpolated values become bind parameters, which a CHECK can't have: hence raw text, from our own lists only. */
const oneOf = (values: readonly string[]) => sql.raw(values.map((value) => `'${value}'`).join(', '));

export const jobVerdicts = ['ours', 'rejected'] as const;
export const runnerStates = ['minting', 'registered', 'doubtful', 'refused', 'deregistered'] as const;

export const instance = sqliteTable(
  'instance',
  {
    only: integer('only').primaryKey(),
    id: text('id').notNull(),
    createdAt: integer('created_at').notNull(),
    /** This file is a backup of that time, and nobody has compared it with Slurm and GitHub since: see backup-mark.ts. */
    backupTakenAt: integer('backup_taken_at'),
  },
  (t) => [check('instance_single_row', sql`${t.only} = 1`)],
);

/** Runs are followed by id from the moment they are seen until they are completed. */
export const workflowRuns = sqliteTable(
  'workflow_runs',
  {
    id: integer('id').primaryKey(),
    repository: text('repository').notNull(),
    firstSeenAt: integer('first_seen_at').notNull(),
    completedAt: integer('completed_at'),
  },
  (t) => [
    index('workflow_runs_live').on(t.repository).where(sql`${t.completedAt} is null`),
    index('workflow_runs_completed').on(t.completedAt, t.id).where(sql`${t.completedAt} is not null`),
  ],
);

/** Jobs that name a profile of ours; all others are none of our business. */
export const workflowJobs = sqliteTable(
  'workflow_jobs',
  {
    id: integer('id').primaryKey(),
    runId: integer('run_id').notNull(),
    runAttempt: integer('run_attempt').notNull(),
    repository: text('repository').notNull(),
    name: text('name').notNull(),
    workflowName: text('workflow_name'),
    labels: text('labels', { mode: 'json' }).$type<readonly string[]>().notNull(),
    status: text('status', { enum: workflowJobStatuses }).notNull(),
    conclusion: text('conclusion'),
    verdict: text('verdict', { enum: jobVerdicts }).notNull(),
    reason: text('reason'),
    profile: text('profile'),
    pool: text('pool'),
    runnerName: text('runner_name'),
    createdAt: integer('created_at').notNull(),
    /** Since when it has been queued, where it was seen to wait for something else before; null: since it was made. */
    queuedAt: integer('queued_at'),
    startedAt: integer('started_at'),
    completedAt: integer('completed_at'),
    firstSeenAt: integer('first_seen_at').notNull(),
    /** 404s in a row when asked for by id; two of them are evidence that it is gone. */
    misses: integer('misses').notNull().default(0),
  },
  (t) => [
    check('workflow_jobs_status', sql`${t.status} in (${oneOf(workflowJobStatuses)})`),
    check('workflow_jobs_verdict', sql`${t.verdict} in (${oneOf(jobVerdicts)})`),
    check(
      'workflow_jobs_ours_has_pool',
      sql`(${t.verdict} = 'ours') = (${t.pool} is not null and ${t.profile} is not null)`,
    ),
    check('workflow_jobs_rejected_has_reason', sql`${t.verdict} <> 'rejected' or ${t.reason} is not null`),
    index('workflow_jobs_open').on(t.repository).where(sql`${t.status} <> 'completed'`),
    index('workflow_jobs_queued').on(t.pool, t.createdAt).where(sql`${t.status} = 'queued'`),
    index('workflow_jobs_completed').on(t.completedAt, t.id).where(sql`${t.status} = 'completed'`),
    index('workflow_jobs_runner').on(t.runnerName).where(sql`${t.runnerName} is not null`),
  ],
);

/** Of an allocation that has ended and started no job, as far as anybody knows: an index on what is rare. */
export const isFailure = sql.raw(
  `"allocations"."state" = 'ended' and "allocations"."started_at" is null and "allocations"."workflow_job_id" is null and "allocations"."outcome" not in (${noAttempt.map((outcome) => `'${outcome}'`).join(', ')})`,
);

export const allocations = sqliteTable(
  'allocations',
  {
    id: text('id').primaryKey(),
    scope: text('scope').notNull(),
    profile: text('profile').notNull(),
    pool: text('pool').notNull(),
    labels: text('labels', { mode: 'json' }).$type<readonly string[]>().notNull(),
    state: text('state', { enum: allocationStates }).notNull(),
    slurmJobName: text('slurm_job_name').notNull().unique(),
    slurmJobId: integer('slurm_job_id'),
    /** Whose Slurm job it is; null for `slurm.user`. */
    slurmUser: text('slurm_user'),
    node: text('node'),
    claimTokenHash: text('claim_token_hash'),
    eventTokenHash: text('event_token_hash'),
    claims: integer('claims').notNull().default(0),
    createdAt: integer('created_at').notNull(),
    submittedAt: integer('submitted_at'),
    firstClaimedAt: integer('first_claimed_at'),
    /** When its batch script began, by this service's clock, and how long parts of it took, in milliseconds: what the node says. */
    nodeStartedAt: integer('node_started_at'),
    preparedMs: integer('prepared_ms'),
    imageMs: integer('image_ms'),
    dockerMs: integer('docker_ms'),
    startedAt: integer('started_at'),
    releasingAt: integer('releasing_at'),
    endedAt: integer('ended_at'),
    /** The job that its runner is proven, by `runner_name`, to have taken. */
    workflowJobId: integer('workflow_job_id'),
    /** The job on whose behalf it was made: see domain/attempts.ts. */
    madeForJobId: integer('made_for_job_id'),
    /** Its runner started a job, or may have, and no job with its name was seen yet: it counts as supply. */
    unconfirmedSince: integer('unconfirmed_since'),
    /** What a releasing row will end as, once Slurm says that it is over. */
    releaseOutcome: text('release_outcome'),
    outcome: text('outcome'),
    reason: text('reason'),
    /** Of the batch script, as Slurm says; null where it does not. */
    exitCode: integer('exit_code'),
    /** Of the greatest step of its Slurm job; null where accounting does not say. */
    peakMemoryMiB: integer('peak_memory_mib'),
    /** When accounting is to be asked about it, and how often it had no record of its end; null: not, or not any more. */
    accountingDueAt: integer('accounting_due_at'),
    accountingAttempts: integer('accounting_attempts').notNull().default(0),
  },
  (t) => [
    check('allocations_state', sql`${t.state} in (${oneOf(allocationStates)})`),
    check('allocations_ended_has_outcome', sql`(${t.state} = 'ended') = (${t.outcome} is not null)`),
    check('allocations_ended_has_time', sql`(${t.state} = 'ended') = (${t.endedAt} is not null)`),
    check(
      'allocations_acknowledged_has_id',
      sql`${t.state} in ('submitting', 'ended') or ${t.slurmJobId} is not null`,
    ),
    check('allocations_claimed_has_time', sql`${t.state} <> 'claimed' or ${t.firstClaimedAt} is not null`),
    check(
      'allocations_releasing_has_outcome',
      sql`${t.state} <> 'releasing' or ${t.releaseOutcome} is not null`,
    ),
    check('allocations_peak_is_of_ended', sql`${t.peakMemoryMiB} is null or ${t.state} = 'ended'`),
    check(
      'allocations_accounted_has_id',
      sql`${t.accountingDueAt} is null or (${t.state} = 'ended' and ${t.slurmJobId} is not null)`,
    ),
    check('allocations_claims_bounded', sql`${t.claims} between 0 and 3`),
    uniqueIndex('allocations_slurm_job_id_live')
      .on(t.slurmJobId)
      .where(sql`${t.slurmJobId} is not null and ${t.state} <> 'ended'`),
    index('allocations_live').on(t.pool, t.createdAt).where(sql`${t.state} <> 'ended'`),
    index('allocations_in_state').on(t.state, t.createdAt).where(sql`${t.state} <> 'ended'`),
    index('allocations_unconfirmed').on(t.pool).where(sql`${t.unconfirmedSince} is not null`),
    index('allocations_failed').on(t.madeForJobId).where(isFailure),
    index('allocations_accounting').on(t.accountingDueAt).where(sql`${t.accountingDueAt} is not null`),
    index('allocations_ended').on(t.endedAt, t.id).where(sql`${t.state} = 'ended'`),
  ],
);

/** Every registration ever asked for: the name is on disk before GitHub hears of it. */
export const runners = sqliteTable(
  'runners',
  {
    name: text('name').primaryKey(),
    allocationId: text('allocation_id')
      .notNull()
      .references(() => allocations.id),
    scope: text('scope').notNull(),
    state: text('state', { enum: runnerStates }).notNull(),
    githubRunnerId: integer('github_runner_id'),
    mintedAt: integer('minted_at').notNull(),
    /** How often GitHub has refused to make it: its name is used again then. */
    refusals: integer('refusals').notNull().default(0),
    onlineAt: integer('online_at'),
    /** When to try the next clean-up, and how often that was done. */
    attempts: integer('attempts').notNull().default(0),
    retryAt: integer('retry_at').notNull().default(0),
  },
  (t) => [
    check('runners_state', sql`${t.state} in (${oneOf(runnerStates)})`),
    check('runners_registered_has_id', sql`${t.state} <> 'registered' or ${t.githubRunnerId} is not null`),
    uniqueIndex('runners_one_mint').on(t.allocationId).where(sql`${t.state} = 'minting'`),
    index('runners_allocation').on(t.allocationId),
    index('runners_open').on(t.scope).where(sql`${t.state} in ('minting', 'registered', 'doubtful')`),
  ],
);

/** Appended in the transaction of each move; never changed. */
export const allocationEvents = sqliteTable(
  'allocation_events',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    allocationId: text('allocation_id')
      .notNull()
      .references(() => allocations.id),
    at: integer('at').notNull(),
    fromState: text('from_state'),
    toState: text('to_state').notNull(),
    detail: text('detail'),
  },
  (t) => [index('allocation_events_allocation').on(t.allocationId)],
);

/** What was printed last where a runner ended before its job started. */
export const allocationOutputs = sqliteTable(
  'allocation_outputs',
  {
    allocationId: text('allocation_id')
      .primaryKey()
      .references(() => allocations.id),
    at: integer('at').notNull(),
    text: text('text').notNull(),
  },
  (t) => [check('allocation_outputs_bounded', sql`length(${t.text}) <= 65536`)],
);

/** Slurm jobs to cancel, by id and name, until Slurm has said that nothing of the kind is there. */
export const cancels = sqliteTable(
  'cancels',
  {
    slurmJobId: integer('slurm_job_id').notNull(),
    slurmJobName: text('slurm_job_name').notNull(),
    reason: text('reason').notNull(),
    createdAt: integer('created_at').notNull(),
    attempts: integer('attempts').notNull().default(0),
    retryAt: integer('retry_at').notNull(),
    doneAt: integer('done_at'),
  },
  (t) => [
    primaryKey({ columns: [t.slurmJobId, t.slurmJobName] }),
    index('cancels_open').on(t.retryAt).where(sql`${t.doneAt} is null`),
    index('cancels_done').on(t.doneAt).where(sql`${t.doneAt} is not null`),
  ],
);

/** Submits in doubt, fenced by name again and again for a day from Slurm's first answer: a submit can take effect after any check. */
export const fences = sqliteTable(
  'fences',
  {
    slurmJobName: text('slurm_job_name').primaryKey(),
    allocationId: text('allocation_id')
      .notNull()
      .references(() => allocations.id),
    createdAt: integer('created_at').notNull(),
    /** Those in a row that Slurm has not answered, and those in a row that it has: one of the two is 0. */
    attempts: integer('attempts').notNull().default(0),
    answers: integer('answers').notNull().default(0),
    retryAt: integer('retry_at').notNull(),
    /** Slurm's first answer: until then the lost row counts as supply. */
    answeredAt: integer('answered_at'),
    doneAt: integer('done_at'),
  },
  (t) => [
    index('fences_allocation').on(t.allocationId),
    index('fences_open').on(t.retryAt).where(sql`${t.doneAt} is null`),
    index('fences_unanswered').on(t.allocationId).where(sql`${t.answeredAt} is null`),
  ],
);

/** Failures in a row of a pool, so that a restart does not start a loop of them anew. */
export const poolHealth = sqliteTable('pool_health', {
  pool: text('pool').primaryKey(),
  /** How far its allocations get: submitting, claiming, or starting a job. Getting further clears the row. */
  stage: text('stage', { enum: ['submit', 'claim', 'start'] }).notNull(),
  strikes: integer('strikes').notNull(),
  reason: text('reason').notNull(),
  retryAt: integer('retry_at').notNull(),
});
