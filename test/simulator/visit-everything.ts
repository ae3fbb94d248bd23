/** Takes the simulator through every state that it has, over HTTP, and keeps every answer that it gave on the way. */
import type { components } from '@octokit/openapi-types';
import { type Answer, ask, credentialOf, type Question, type RunnerCredential } from './ask.ts';
import { servedRoutes } from './rest-routes.ts';
import { type Simulator, startSimulator } from './start-simulator.ts';

export interface Visit extends Answer {
  /** `GET /path`, as GitHub's description writes it. */
  readonly route: string;
}

type JitConfig = components['responses']['actions_runner_jitconfig']['content']['application/json'];
type Params = Readonly<Record<string, string | number>>;

const repository = 'acme/app';
const here: Params = { owner: 'acme', repo: 'app', org: 'acme' };
const runs = '/repos/{owner}/{repo}/actions/runs';
const run = `${runs}/{run_id}`;
const mint = '/actions/runners/generate-jitconfig';
const scopes = ['/repos/{owner}/{repo}', '/orgs/{org}'] as const;

export async function visitEverything(): Promise<Visit[]> {
  const visits: Visit[] = [];
  const github = await startSimulator();
  const poor = await startSimulator({ rateLimit: 0 });
  try {
    await meetRefusals(new Visitor(github, visits));
    await followRuns(new Visitor(github, visits));
    await followRunners(new Visitor(github, visits));
    await new Visitor(poor, visits).everyRoute(here);
  } finally {
    await Promise.all([github.stop(), poor.stop()]);
  }
  return visits;
}

class Visitor {
  readonly github: Simulator;
  readonly #visits: Visit[];

  constructor(github: Simulator, visits: Visit[]) {
    this.github = github;
    this.#visits = visits;
  }

  async visit(
    method: string,
    path: string,
    params: Params = here,
    question: Question = {},
    query = '',
  ): Promise<Visit> {
    const at = path.replace(/\{(\w+)\}/g, (_, name: string) => String(params[name] ?? 404));
    const answer = await ask(this.github, method, at + query, question);
    const visit = { route: `${method} ${path}`, ...answer };
    this.#visits.push(visit);
    return visit;
  }

  async everyRoute(params: Params, question: Question = {}): Promise<void> {
    for (const { method, path } of servedRoutes) await this.visit(method, path, params, question);
  }

  /** Everything that there is to read, each also by a request that knows the answer already. */
  async look(): Promise<void> {
    const { control } = this.github;
    const ids = (name: string, all: readonly { readonly id: number }[]): Params[] =>
      all.map(({ id }) => ({ ...here, [name]: id }));
    const params: Readonly<Record<string, readonly Params[]>> = {
      run_id: ids(
        'run_id',
        [...new Set(control.jobs().map((job) => job.runId))].map((id) => ({ id })),
      ),
      job_id: ids('job_id', control.jobs()),
      runner_id: ids('runner_id', control.runners()),
    };
    for (const { path } of servedRoutes.filter(({ method }) => method === 'GET')) {
      const wanted = /\{(run_id|job_id|runner_id)\}/.exec(path)?.[1];
      for (const one of wanted === undefined ? [here] : (params[wanted] ?? [])) {
        const { headers } = await this.visit('GET', path, one);
        const etag = headers.get('etag');
        if (etag !== null) await this.visit('GET', path, one, { headers: { 'If-None-Match': etag } });
      }
    }
    for (const status of ['queued', 'in_progress', 'completed', 'success'])
      await this.visit('GET', runs, here, {}, `?status=${status}&per_page=1&page=1`);
    for (const one of params['run_id'] ?? [])
      await this.visit('GET', `${run}/jobs`, one, {}, '?filter=all&per_page=2&page=2');
  }

  async mint(scope: string, name: string, labels: readonly string[]): Promise<RunnerCredential> {
    const body = { name, labels, runner_group_id: 1, work_folder: '_work' };
    const { text } = await this.visit('POST', scope + mint, here, { body });
    return credentialOf((JSON.parse(text) as JitConfig).encoded_jit_config);
  }

  /** What a runner's process asks of the simulator; it is no part of GitHub's description. */
  async asRunner({ token }: RunnerCredential, method: string, path: string, body?: string): Promise<string> {
    const question = { token, ...(body === undefined ? {} : { body }) };
    return (await ask(this.github, method, `/_runner${path}`, question)).text;
  }

  /** Comes online and takes a job, as a runner's process. @returns the job's id. */
  async takeJob(runner: RunnerCredential): Promise<string> {
    await this.asRunner(runner, 'POST', '/session');
    await this.look();
    const [jobId = ''] = (await this.asRunner(runner, 'GET', '/message')).split('\n');
    await this.look();
    return jobId;
  }
}

async function meetRefusals(visitor: Visitor): Promise<void> {
  await visitor.everyRoute(here, { token: 'of-somebody-else' });
  // Neither the repository nor the organization is there yet.
  await visitor.everyRoute(here);
  visitor.github.control.addRepository(repository);
  await visitor.look();
  const inRepository = servedRoutes.filter(({ path }) => path.includes('_id}'));
  for (const { method, path } of inRepository) await visitor.visit(method, path);
  for (const { path } of servedRoutes.filter(({ method }) => method === 'POST'))
    for (const body of ['{"name": ', '[]', 'null']) await visitor.visit('POST', path, here, { body });
  const good = { name: 'runner', labels: ['slurm-small'], runner_group_id: 1 };
  const bad = [
    { runner_group_id: undefined },
    { name: '' },
    { name: 'x'.repeat(65) },
    { labels: [] },
    { labels: [1] },
    { labels: Array.from({ length: 101 }, String) },
  ];
  for (const scope of scopes)
    for (const part of bad) await visitor.visit('POST', scope + mint, here, { body: { ...good, ...part } });
}

/** Runs and jobs: waiting, running, and ended in every way. */
async function followRuns(visitor: Visitor): Promise<void> {
  const { control } = visitor.github;
  const labels = ['self-hosted', 'slurm-small'];
  const { id } = control.createRun(repository, 'build', [
    { name: 'compile', labels },
    { name: 'test', labels, needs: ['compile'] },
    { name: 'publish', labels, needs: ['test'] },
  ]);
  const params = { ...here, run_id: id };
  await visitor.look();
  for (const conclusion of ['success', 'failure']) {
    const runner = await visitor.mint(scopes[0], `takes-${conclusion}`, labels);
    const job = await visitor.takeJob(runner);
    await visitor.asRunner(runner, 'POST', `/jobs/${job}/complete`, conclusion);
    await visitor.look();
  }
  await visitor.visit('POST', `${run}/cancel`, params);
  await visitor.visit('POST', `${run}/rerun`, params);
  await visitor.visit('POST', `${run}/rerun`, params);
  const runner = await visitor.mint(scopes[0], 'is-cancelled', labels);
  const job = await visitor.takeJob(runner);
  await visitor.visit('POST', `${run}/cancel`, params);
  await visitor.look();
  await visitor.asRunner(runner, 'POST', `/jobs/${job}/complete`, 'failure');
  await visitor.look();
  control.createRun(repository, 'deploy', [{ name: 'cancelled while it waits', labels: [] }]);
  await visitor.visit('POST', `${run}/cancel`, { ...here, run_id: id + 1 });
  const good = control.createRun(repository, 'deploy', [{ name: 'by somebody else', labels: [] }]);
  const foreign = control.addForeignRunner(repository, 'somebody-else', []);
  const taken = control.takeJob(foreign.id);
  if (taken !== null) control.completeJob(taken.id, 'success');
  await visitor.look();
  await visitor.visit('POST', `${run}/rerun`, { ...here, run_id: good.id });
  control.cancelRun(good.id);
}

/** Registrations: refused, offline, online, busy, and deleted; of a repository and of an organization. */
async function followRunners(visitor: Visitor): Promise<void> {
  const { control } = visitor.github;
  for (const scope of scopes) {
    const labels = [`only-${scope}`];
    const idle = await visitor.mint(scope, `idle-${scope}`, labels);
    const busy = await visitor.mint(scope, `busy-${scope}`, labels);
    await visitor.visit('POST', scope + mint, here, {
      body: { name: `idle-${scope}`, labels, runner_group_id: 1 },
    });
    control.createRun(repository, 'build', [{ name: scope, labels }]);
    const job = await visitor.takeJob(busy);
    // Its connection breaks while its job runs.
    await visitor.asRunner(busy, 'DELETE', '/session');
    await visitor.look();
    const one = `${scope}/actions/runners/{runner_id}`;
    await visitor.visit('GET', `${scope}/actions/runners`, here, {}, `?name=busy-${scope}`);
    await visitor.visit('DELETE', one, { ...here, runner_id: busy.id });
    await visitor.visit('DELETE', one, { ...here, runner_id: idle.id });
    await visitor.asRunner(busy, 'POST', `/jobs/${job}/complete`, 'success');
    await visitor.look();
  }
}
