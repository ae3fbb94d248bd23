/** The simulator's records in the form of GitHub's REST API; a test holds them to GitHub's own description. */
import type { SimulatedJob, SimulatedRun, SimulatedRunner, SimulatorState } from './simulator-state.ts';

const iso = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
const nodeId = (kind: string, id: number): string => Buffer.from(`${kind}:${id}`).toString('base64');
/** Forty hex digits that look like a commit and are the same each time. */
const sha = (id: number): string => id.toString(16).padStart(40, '0');

/** @param api base URL, without a slash at the end. */
export function runToRest(state: SimulatorState, run: SimulatedRun, api: string) {
  const url = `${api}/repos/${run.repository}/actions/runs/${run.id}`;
  const actor = userToRest(run.repository.split('/')[0] ?? '', api);
  const repository = repositoryToRest(run.repository, api);
  return {
    id: run.id,
    name: run.workflow,
    node_id: nodeId('WorkflowRun', run.id),
    check_suite_id: run.id + 1_000_000_000,
    check_suite_node_id: nodeId('CheckSuite', run.id + 1_000_000_000),
    head_branch: 'main',
    head_sha: sha(run.id),
    path: `.github/workflows/${run.workflow}.yml`,
    run_number: run.number,
    run_attempt: run.attempt,
    event: 'push',
    display_title: run.workflow,
    status: state.statusOf(run),
    conclusion: state.conclusionOf(run),
    workflow_id: workflowId(run.workflow),
    url,
    html_url: `https://github.com/${run.repository}/actions/runs/${run.id}`,
    pull_requests: [],
    created_at: iso(run.createdAtMs),
    updated_at: iso(run.updatedAtMs),
    actor,
    triggering_actor: actor,
    run_started_at: iso(run.createdAtMs),
    jobs_url: `${url}/jobs`,
    logs_url: `${url}/logs`,
    check_suite_url: `${api}/repos/${run.repository}/check-suites/${run.id + 1_000_000_000}`,
    artifacts_url: `${url}/artifacts`,
    cancel_url: `${url}/cancel`,
    rerun_url: `${url}/rerun`,
    previous_attempt_url: run.attempt > 1 ? `${url}/attempts/${run.attempt - 1}` : null,
    workflow_url: `${api}/repos/${run.repository}/actions/workflows/${workflowId(run.workflow)}`,
    head_commit: {
      id: sha(run.id),
      tree_id: sha(run.id + 1),
      message: 'Change something',
      timestamp: iso(run.createdAtMs),
      author: { name: 'Octocat', email: 'octocat@example.org' },
      committer: { name: 'Octocat', email: 'octocat@example.org' },
    },
    repository,
    head_repository: repository,
  };
}

export function jobToRest(job: SimulatedJob, run: SimulatedRun, api: string) {
  const repositoryUrl = `${api}/repos/${job.repository}`;
  return {
    id: job.id,
    run_id: job.runId,
    workflow_name: run.workflow,
    head_branch: 'main',
    run_url: `${repositoryUrl}/actions/runs/${job.runId}`,
    run_attempt: job.attempt,
    node_id: nodeId('CheckRun', job.id),
    head_sha: sha(job.runId),
    url: `${repositoryUrl}/actions/jobs/${job.id}`,
    html_url: `https://github.com/${job.repository}/actions/runs/${job.runId}/job/${job.id}`,
    status: job.status,
    conclusion: job.conclusion,
    created_at: iso(job.createdAtMs),
    // Never null: of a job that waits it is the time of its making.
    started_at: iso(job.startedAtMs ?? job.createdAtMs),
    completed_at: job.completedAtMs === null ? null : iso(job.completedAtMs),
    name: job.name,
    steps: [],
    check_run_url: `${repositoryUrl}/check-runs/${job.id}`,
    labels: job.labels,
    runner_id: job.runnerId,
    runner_name: job.runnerName,
    runner_group_id: job.runnerId === null ? null : 1,
    runner_group_name: job.runnerId === null ? null : 'Default',
  };
}

export function runnerToRest(runner: SimulatedRunner) {
  return {
    id: runner.id,
    runner_group_id: 1,
    name: runner.name,
    os: 'unknown',
    status: runner.online ? 'online' : 'offline',
    busy: runner.jobId !== null,
    ephemeral: true,
    labels: runner.labels.map((name, index) => ({ id: index + 1, name, type: 'custom' })),
  };
}

export function workflowToRest(repository: string, workflow: string, createdAtMs: number, api: string) {
  const id = workflowId(workflow);
  return {
    id,
    node_id: nodeId('Workflow', id),
    name: workflow,
    path: `.github/workflows/${workflow}.yml`,
    state: 'active',
    created_at: iso(createdAtMs),
    updated_at: iso(createdAtMs),
    url: `${api}/repos/${repository}/actions/workflows/${id}`,
    html_url: `https://github.com/${repository}/blob/main/.github/workflows/${workflow}.yml`,
    badge_url: `https://github.com/${repository}/workflows/${workflow}/badge.svg`,
  };
}

function workflowId(workflow: string): number {
  return [...workflow].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_000_000_007, 7);
}

function userToRest(login: string, api: string) {
  const url = `${api}/users/${login}`;
  const urls = [
    'followers',
    'following',
    'gists',
    'starred',
    'subscriptions',
    'repos',
    'events',
    'received_events',
  ];
  return {
    login,
    id: 1,
    node_id: nodeId('User', 1),
    avatar_url: `https://avatars.githubusercontent.com/u/1`,
    gravatar_id: '',
    url,
    html_url: `https://github.com/${login}`,
    organizations_url: `${url}/orgs`,
    ...Object.fromEntries(urls.map((name) => [`${name}_url`, `${url}/${name}`])),
    type: 'User',
    site_admin: false,
  };
}

/** Every one of these is required of a repository, with `_url` behind it. */
const repositoryUrls = (
  'archive assignees blobs branches collaborators comments commits compare contents contributors deployments downloads ' +
  'events forks git_commits git_refs git_tags hooks issue_comment issue_events issues keys labels languages merges ' +
  'milestones notifications pulls releases stargazers statuses subscribers subscription tags teams trees'
).split(' ');

/** The same at all times, so that its ETag is too. */
const repositoryMade = '2026-01-01T00:00:00Z';
const zeroes = [
  'size',
  'forks',
  'forks_count',
  'network_count',
  'open_issues',
  'open_issues_count',
  'stargazers_count',
  'subscribers_count',
  'watchers',
  'watchers_count',
] as const;

export function repositoryToRest(repository: string, api: string) {
  const [owner = '', name = ''] = repository.split('/');
  const url = `${api}/repos/${repository}`;
  return {
    id: 1,
    node_id: nodeId('Repository', 1),
    name,
    full_name: repository,
    owner: userToRest(owner, api),
    private: true,
    html_url: `https://github.com/${repository}`,
    description: null,
    fork: false,
    url,
    ...Object.fromEntries(repositoryUrls.map((part) => [`${part}_url`, `${url}/${part}`])),
  };
}

/** What a repository's own record has beyond what a run has of it. */
export function fullRepositoryToRest(repository: string, api: string) {
  const html = `https://github.com/${repository}`;
  return {
    ...repositoryToRest(repository, api),
    clone_url: `${html}.git`,
    git_url: `git://github.com/${repository}.git`,
    ssh_url: `git@github.com:${repository}.git`,
    svn_url: html,
    mirror_url: null,
    homepage: null,
    language: null,
    license: null,
    default_branch: 'main',
    archived: false,
    disabled: false,
    has_issues: true,
    has_projects: false,
    has_wiki: false,
    has_pages: false,
    has_discussions: false,
    created_at: repositoryMade,
    updated_at: repositoryMade,
    pushed_at: repositoryMade,
    ...Object.fromEntries(zeroes.map((name) => [name, 0])),
  };
}
