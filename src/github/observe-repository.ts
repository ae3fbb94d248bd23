/**
 * Everything that a repository has to do for us. Labels are in REST's jobs only, and jobs are listed by run: runs queued
 * and in progress are listed, and a run once seen is followed by its id until it is completed, since filtered lists lag.
 * Any part that can't be read fails the whole: a failed observation is unknown, never empty.
 */
import type { WorkflowJob } from '../domain/workflow-job.ts';
import type { GitHubOctokit } from './create-octokit.ts';
import { toWorkflowJob, toWorkflowRun, type WorkflowRun } from './to-workflow-job.ts';

export interface KnownWork {
  readonly runIds: readonly number[];
  readonly openJobs: readonly { readonly id: number; readonly runId: number }[];
}

export interface RepositoryObservation {
  readonly repository: string;
  readonly jobs: readonly WorkflowJob[];
  readonly runs: readonly WorkflowRun[];
  readonly missingJobIds: readonly number[];
}

/** What was made of a record: an unchanged answer (304) hands back the same records, which then cost nothing. */
const mapped = new WeakMap<object, WorkflowJob>();

function jobOf(record: object, repository: string): WorkflowJob {
  const known = mapped.get(record);
  if (known !== undefined) return known;
  const job = toWorkflowJob(record, repository);
  mapped.set(record, job);
  return job;
}

const liveStatuses = ['queued', 'in_progress'] as const;

export async function observeRepository(
  octokit: GitHubOctokit,
  repository: string,
  known: KnownWork,
): Promise<RepositoryObservation> {
  const [owner = '', repo = ''] = repository.split('/');
  const listed = (
    await Promise.all(liveStatuses.map((status) => listRuns(octokit, owner, repo, status)))
  ).flat();
  const runs = new Map(listed.map((run) => [run.id, run]));
  const unlisted = known.runIds.filter((id) => !runs.has(id));
  const gone = new Set<number>();
  await Promise.all(
    unlisted.map(async (id) => {
      const run = await findRun(octokit, owner, repo, id);
      if (run === null) gone.add(id);
      else runs.set(id, run);
    }),
  );
  const jobs = (await Promise.all([...runs.keys()].map((id) => listJobs(octokit, owner, repo, id)))).flat();
  const seen = new Set(jobs.map((job) => job.id));
  // A job of an earlier attempt, of a deleted run, or of a run that was not followed.
  const lacking = known.openJobs.filter((job) => !seen.has(job.id));
  const found = await Promise.all(lacking.map(({ id }) => findJob(octokit, owner, repo, id)));
  return {
    repository,
    jobs: [...jobs, ...found.filter((job) => job !== null)],
    runs: [...finished(runs.values(), jobs), ...[...gone].map((id) => ({ id, completed: true }))],
    missingJobIds: lacking.filter((_, index) => found[index] === null).map(({ id }) => id),
  };
}

/** A run counts as completed when its jobs are too: a listing may be older than the run's own record. */
function finished(runs: Iterable<WorkflowRun>, jobs: readonly WorkflowJob[]): WorkflowRun[] {
  const open = new Set(jobs.filter((job) => job.status !== 'completed').map((job) => job.runId));
  return [...runs].map(({ id, completed }) => ({ id, completed: completed && !open.has(id) }));
}

async function listRuns(
  octokit: GitHubOctokit,
  owner: string,
  repo: string,
  status: (typeof liveStatuses)[number],
) {
  const pages = octokit.paginate.iterator('GET /repos/{owner}/{repo}/actions/runs', {
    owner,
    repo,
    status,
    per_page: 100,
    exclude_pull_requests: true,
  });
  const runs: WorkflowRun[] = [];
  for await (const { data } of pages) runs.push(...data.map(toWorkflowRun));
  return runs;
}

async function listJobs(
  octokit: GitHubOctokit,
  owner: string,
  repo: string,
  run_id: number,
): Promise<WorkflowJob[]> {
  const pages = octokit.paginate.iterator('GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs', {
    owner,
    repo,
    run_id,
    filter: 'latest',
    per_page: 100,
  });
  const jobs: WorkflowJob[] = [];
  for await (const { data } of pages) jobs.push(...data.map((job) => jobOf(job, `${owner}/${repo}`)));
  return jobs;
}

function findRun(
  octokit: GitHubOctokit,
  owner: string,
  repo: string,
  run_id: number,
): Promise<WorkflowRun | null> {
  return orNull(async () => {
    const { data } = await octokit.request('GET /repos/{owner}/{repo}/actions/runs/{run_id}', {
      owner,
      repo,
      run_id,
      exclude_pull_requests: true,
    });
    return toWorkflowRun(data);
  });
}

function findJob(
  octokit: GitHubOctokit,
  owner: string,
  repo: string,
  job_id: number,
): Promise<WorkflowJob | null> {
  return orNull(async () => {
    const { data } = await octokit.request('GET /repos/{owner}/{repo}/actions/jobs/{job_id}', {
      owner,
      repo,
      job_id,
    });
    return jobOf(data, `${owner}/${repo}`);
  });
}

/** Null for 404. */
async function orNull<T>(look: () => Promise<T>): Promise<T | null> {
  try {
    return await look();
  } catch (error) {
    if ((error as { status?: number }).status === 404) return null;
    throw error;
  }
}
