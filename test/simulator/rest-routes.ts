/** The REST calls that the service and a person use, without HTTP: each takes a request and gives a status and a body. */
import { randomBytes } from 'node:crypto';
import type { SimulatedRun, SimulatorState } from './simulator-state.ts';
import { fullRepositoryToRest, jobToRest, runnerToRest, runToRest, workflowToRest } from './to-rest.ts';

export interface RestRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  /** The simulator's own URL, without a slash at the end. */
  readonly api: string;
}

export interface RestAnswer {
  readonly status: number;
  readonly body?: unknown;
  /** A listing: the server cuts it into pages. `items` is the name of its array. */
  readonly list?: { readonly name: string; readonly items: readonly unknown[] };
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** As GitHub's description writes it. */
  readonly path: string;
  readonly handle: (state: SimulatorState, request: RestRequest) => RestAnswer;
}

export const refused = (status: number, message: string): RestAnswer => ({
  status,
  body: { message, documentation_url: 'https://docs.github.com/rest', status: String(status) },
});
export const notFound = refused(404, 'Not Found');
/** GitHub describes these as validation errors, which name no status. */
const unprocessable = (message: string): RestAnswer => ({
  status: 422,
  body: { message, documentation_url: 'https://docs.github.com/rest' },
});

const repositoryOf = ({ params }: RestRequest): string => `${params['owner']}/${params['repo']}`;
const scopeOf = (request: RestRequest): string => request.params['org'] ?? repositoryOf(request);

function runOf(state: SimulatorState, request: RestRequest): SimulatedRun | undefined {
  const run = state.runs.get(Number(request.params['run_id']));
  return run?.repository === repositoryOf(request) ? run : undefined;
}

const searchLimit = 1_000;

function listRuns(state: SimulatorState, request: RestRequest): RestAnswer {
  const wanted = request.query.get('status');
  const runs = [...state.runs.values()]
    .filter((run) => run.repository === repositoryOf(request))
    .filter((run) => wanted === null || [state.statusOf(run), state.conclusionOf(run)].includes(wanted))
    .sort((a, b) => b.id - a.id)
    .slice(0, wanted === null ? undefined : searchLimit);
  return {
    status: 200,
    list: { name: 'workflow_runs', items: runs.map((run) => runToRest(state, run, request.api)) },
  };
}

function listJobs(state: SimulatorState, request: RestRequest): RestAnswer {
  const run = runOf(state, request);
  if (run === undefined) return notFound;
  const jobs = state.jobsOf(run, request.query.get('filter') === 'all');
  return { status: 200, list: { name: 'jobs', items: jobs.map((job) => jobToRest(job, run, request.api)) } };
}

function getJob(state: SimulatorState, request: RestRequest): RestAnswer {
  const job = state.jobs.get(Number(request.params['job_id']));
  const run = job === undefined ? undefined : state.runs.get(job.runId);
  if (job === undefined || run === undefined || job.repository !== repositoryOf(request)) return notFound;
  return { status: 200, body: jobToRest(job, run, request.api) };
}

function isLabels(labels: unknown): labels is string[] {
  if (!Array.isArray(labels) || labels.length === 0 || labels.length > 100) return false;
  return labels.every((label) => typeof label === 'string');
}

function generateJitConfig(state: SimulatorState, request: RestRequest): RestAnswer {
  const { name, labels, runner_group_id: group, work_folder: workFolder = '_work' } = request.body;
  if (typeof group !== 'number')
    return unprocessable('Invalid request.\n\n"runner_group_id" wasn\'t supplied.');
  if (typeof name !== 'string' || name === '' || name.length > 64)
    return unprocessable('Invalid request.\n\n"name" is wrong.');
  if (!isLabels(labels)) return unprocessable('Invalid request.\n\n"labels" is wrong.');
  const runner = state.addRunner(scopeOf(request), name, labels);
  if (runner === null) return refused(409, `Already exists - A runner with the name ${name} already exists.`);
  const config = {
    url: request.api,
    id: runner.id,
    secret: runner.secret,
    work: workFolder,
    salt: randomBytes(8).toString('hex'),
  };
  const encoded_jit_config = Buffer.from(JSON.stringify(config)).toString('base64');
  return { status: 201, body: { runner: runnerToRest(runner), encoded_jit_config } };
}

function listRunners(state: SimulatorState, request: RestRequest): RestAnswer {
  const name = request.query.get('name');
  const runners = [...state.runners.values()]
    .filter((runner) => runner.scope === scopeOf(request))
    .filter((runner) => name === null || runner.name === name);
  return { status: 200, list: { name: 'runners', items: runners.map(runnerToRest) } };
}

function deleteRunner(state: SimulatorState, request: RestRequest): RestAnswer {
  const runner = state.runners.get(Number(request.params['runner_id']));
  if (runner === undefined || runner.scope !== scopeOf(request)) return notFound;
  if (runner.jobId !== null)
    return unprocessable(`Bad request - Runner "${runner.name}" is still running a job`);
  state.removeRunner(runner, 'deleted');
  return { status: 204 };
}

function getRunner(state: SimulatorState, request: RestRequest): RestAnswer {
  const runner = state.runners.get(Number(request.params['runner_id']));
  return runner?.scope === scopeOf(request) ? { status: 200, body: runnerToRest(runner) } : notFound;
}

function listWorkflows(state: SimulatorState, request: RestRequest): RestAnswer {
  const runs = [...state.runs.values()].filter((run) => run.repository === repositoryOf(request));
  const workflows = [...new Map(runs.map((run) => [run.workflow, run])).values()];
  const items = workflows.map((run) =>
    workflowToRest(run.repository, run.workflow, run.createdAtMs, request.api),
  );
  return { status: 200, list: { name: 'workflows', items } };
}

function onRun(act: (state: SimulatorState, run: SimulatedRun) => RestAnswer) {
  return (state: SimulatorState, request: RestRequest): RestAnswer => {
    const run = runOf(state, request);
    return run === undefined ? notFound : act(state, run);
  };
}

const cancelRun = onRun((state, run) => {
  if (state.statusOf(run) === 'completed')
    return refused(409, 'Cannot cancel a workflow run that is completed.');
  for (const job of state.jobsOf(run)) state.cancelJob(job);
  return { status: 202, body: {} };
});
const rerun = onRun((state, run) => {
  if (state.statusOf(run) !== 'completed') return refused(403, 'This workflow is already running');
  state.rerun(run);
  return { status: 201, body: {} };
});

const repo = '/repos/{owner}/{repo}';
/** Runners are the same for repositories and organizations. */
const runnerRoutes = (scope: string): Route[] => [
  { method: 'POST', path: `${scope}/actions/runners/generate-jitconfig`, handle: generateJitConfig },
  { method: 'GET', path: `${scope}/actions/runners`, handle: listRunners },
  { method: 'GET', path: `${scope}/actions/runners/{runner_id}`, handle: getRunner },
  { method: 'DELETE', path: `${scope}/actions/runners/{runner_id}`, handle: deleteRunner },
];

export const restRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: repo,
    handle: (_state, request) => ({
      status: 200,
      body: fullRepositoryToRest(repositoryOf(request), request.api),
    }),
  },
  { method: 'GET', path: `${repo}/actions/runs`, handle: listRuns },
  {
    method: 'GET',
    path: `${repo}/actions/runs/{run_id}`,
    handle: (state, request) =>
      onRun((_, run) => ({ status: 200, body: runToRest(state, run, request.api) }))(state, request),
  },
  { method: 'GET', path: `${repo}/actions/runs/{run_id}/jobs`, handle: listJobs },
  { method: 'GET', path: `${repo}/actions/jobs/{job_id}`, handle: getJob },
  { method: 'GET', path: `${repo}/actions/workflows`, handle: listWorkflows },
  { method: 'POST', path: `${repo}/actions/runs/{run_id}/cancel`, handle: cancelRun },
  { method: 'POST', path: `${repo}/actions/runs/{run_id}/rerun`, handle: rerun },
  ...runnerRoutes(repo),
  ...runnerRoutes('/orgs/{org}'),
];

/** Asks for the state of the limit, and costs nothing of it: the server answers it by itself. */
export const rateLimitRoute = { method: 'GET', path: '/rate_limit' } as const;

/** Everything that is answered as GitHub would. */
export const servedRoutes: readonly Pick<Route, 'method' | 'path'>[] = [...restRoutes, rateLimitRoute];
