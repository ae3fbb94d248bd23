/** Whatever the simulator answers, in whatever state, is what GitHub's own description says of that route and status. */
import type { components } from '@octokit/openapi-types';
import { describe, expect, it } from 'vitest';
import { describedStatuses, describesBody, unnamedProperties, violations } from './github-description.ts';
import { servedRoutes } from './rest-routes.ts';
import { type Visit, visitEverything } from './visit-everything.ts';

type Schemas = components['schemas'];

const routes = servedRoutes.map(({ method, path }) => `${method} ${path}`);
const limited = routes.filter((route) => route !== 'GET /rate_limit');
const gets = limited.filter((route) => route.startsWith('GET '));
const posts = limited.filter((route) => route.startsWith('POST '));

/**
 * What GitHub answers too, though its description of these routes leaves it out. Errors are held to its `basic-error`, which
 * is how it describes them wherever it does.
 */
const undescribed: Readonly<Record<number, readonly string[]>> = {
  // To a conditional request, as GitHub's documentation of conditional requests says: headers only.
  304: gets,
  // A body that is no JSON object. It is described for no route of these, though all of them read a body.
  400: posts,
  // A wrong token: every route wants one, and the description has no word of it.
  401: routes,
  // The primary limit is used up. One route describes 403, for other reasons; re-running what still runs is 403 as well.
  403: limited.filter((route) => route !== 'GET /repos/{owner}/{repo}'),
  // Something in the path is not there, or not for this token. GitHub describes it for the other four.
  404: [
    'GET /repos/{owner}/{repo}/actions/runs',
    'GET /repos/{owner}/{repo}/actions/runs/{run_id}',
    'GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs',
    'GET /repos/{owner}/{repo}/actions/jobs/{job_id}',
    'GET /repos/{owner}/{repo}/actions/workflows',
    'POST /repos/{owner}/{repo}/actions/runs/{run_id}/cancel',
    'POST /repos/{owner}/{repo}/actions/runs/{run_id}/rerun',
    'GET /repos/{owner}/{repo}/actions/runners',
    'GET /repos/{owner}/{repo}/actions/runners/{runner_id}',
    'DELETE /repos/{owner}/{repo}/actions/runners/{runner_id}',
    'GET /orgs/{org}/actions/runners',
    'GET /orgs/{org}/actions/runners/{runner_id}',
    'DELETE /orgs/{org}/actions/runners/{runner_id}',
  ],
};

/** What GitHub describes and the simulator has no reason to answer. */
const neverAnswered: Readonly<Record<string, readonly number[]>> = {
  // Nothing is ever renamed.
  'GET /repos/{owner}/{repo}': [301],
  // It is not conditional here, and always there.
  'GET /rate_limit': [304, 404],
};

const visits = await visitEverything();
const statusesOf = (route: string): number[] =>
  [...new Set(visits.filter((visit) => visit.route === route).map(({ status }) => status))].sort();
const bodyOf = ({ text }: Visit): unknown => JSON.parse(text);
const answered = (visit: Visit): string => `${visit.route} ${visit.status}: ${visit.text.slice(0, 200)}`;

describe.each(routes)('%s', (route) => {
  const here = visits.filter((visit) => visit.route === route);
  const withBody = here.filter(
    (visit) => visit.status !== 304 && describesBody(route, visit.status) !== false,
  );

  it('has answered with every status that it should, and with no other', () => {
    const more = Object.entries(undescribed).filter(([, among]) => among.includes(route));
    const wanted = [...describedStatuses(route), ...more.map(([status]) => Number(status))]
      .filter((status) => !neverAnswered[route]?.includes(status))
      .sort();
    expect(wanted).toContain(401);
    expect(statusesOf(route)).toEqual(wanted);
  });

  it('answers as GitHub describes it', () => {
    const wrong = withBody.flatMap((visit) =>
      violations(route, visit.status, bodyOf(visit)).map((what) => `${what} in ${answered(visit)}`),
    );
    expect(wrong).toEqual([]);
  });

  it('says nothing that GitHub does not name, at any depth', () => {
    const wrong = withBody.flatMap((visit) =>
      unnamedProperties(route, visit.status, bodyOf(visit)).map((what) => `${what} in ${answered(visit)}`),
    );
    expect(wrong).toEqual([]);
  });

  it('sends JSON as such, and no body where there is none', () => {
    for (const visit of here) {
      const type = visit.headers.get('content-type');
      if (withBody.includes(visit)) expect(type, answered(visit)).toBe('application/json; charset=utf-8');
      else expect([visit.text, type], answered(visit)).toEqual(['', null]);
    }
  });

  it('says why it refuses', () => {
    const refusals = here.filter(({ status }) => status >= 400);
    expect(refusals.length).toBeGreaterThan(0);
    // The description requires nothing of an error, and a person wants to read it.
    for (const visit of refusals)
      expect((bodyOf(visit) as Schemas['basic-error']).message, answered(visit)).toMatch(/\w{4}/);
  });
});

describe('the exceptions of this test', () => {
  it('are exceptions: GitHub describes none of them', () => {
    for (const [status, among] of Object.entries(undescribed))
      for (const route of among) expect(describedStatuses(route), route).not.toContain(Number(status));
  });

  it('are still described where nothing answers so', () => {
    for (const [route, statuses] of Object.entries(neverAnswered))
      expect(describedStatuses(route), route).toEqual(expect.arrayContaining([...statuses]));
  });
});

describe('what was held to the description', () => {
  const records = <T>(route: string, of: (body: never) => readonly T[]): T[] =>
    visits
      .filter((visit) => visit.route === route && visit.status === 200)
      .flatMap((visit) => of(bodyOf(visit) as never));
  const kinds = (all: readonly string[]): string[] => [...new Set(all)].sort();

  it.each([
    ['GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs', ({ jobs }: { jobs: Schemas['job'][] }) => jobs],
    ['GET /repos/{owner}/{repo}/actions/jobs/{job_id}', (job: Schemas['job']) => [job]],
  ])('%s: jobs in every state', (route, of) => {
    const seen = records(route, of).map(
      (job) => `${job.status} ${job.conclusion} ${job.runner_name === null ? 'alone' : 'on a runner'}`,
    );
    expect(kinds(seen)).toEqual([
      'completed cancelled alone',
      'completed cancelled on a runner',
      'completed failure on a runner',
      'completed skipped alone',
      'completed success on a runner',
      'in_progress null on a runner',
      'queued null alone',
    ]);
  });

  it.each([
    [
      'GET /repos/{owner}/{repo}/actions/runs',
      (body: { workflow_runs: Schemas['workflow-run'][] }) => body.workflow_runs,
    ],
    ['GET /repos/{owner}/{repo}/actions/runs/{run_id}', (run: Schemas['workflow-run']) => [run]],
  ])('%s: runs in every state, of a first and a second attempt', (route, of) => {
    const seen = records(route, of);
    expect(kinds(seen.map((run) => `${run.status} ${run.conclusion}`))).toEqual([
      'completed cancelled',
      'completed failure',
      'completed success',
      'in_progress null',
      'queued null',
    ]);
    expect(kinds(seen.map((run) => `${run.run_attempt} ${typeof run.previous_attempt_url}`))).toEqual([
      '1 object',
      '2 string',
    ]);
  });

  it.each(['/repos/{owner}/{repo}', '/orgs/{org}'])('%s: runners in every state', (scope) => {
    const listed = records(
      `GET ${scope}/actions/runners`,
      (body: { runners: Schemas['runner'][] }) => body.runners,
    );
    const looked = records(`GET ${scope}/actions/runners/{runner_id}`, (runner: Schemas['runner']) => [
      runner,
    ]);
    for (const seen of [listed, looked])
      expect(kinds(seen.map((runner) => `${runner.status} ${runner.busy ? 'busy' : 'idle'}`))).toEqual([
        'offline busy',
        'offline idle',
        'online busy',
        'online idle',
      ]);
  });
});
