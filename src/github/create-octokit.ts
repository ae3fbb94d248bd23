/** Octokit with the plugins and the limits that this service wants. */
import { Octokit } from '@octokit/core';
import { paginateRest } from '@octokit/plugin-paginate-rest';
import { retry } from '@octokit/plugin-retry';
import { throttling } from '@octokit/plugin-throttling';
import Bottleneck from 'bottleneck';
import type { Ends } from '../domain/ends.ts';
import { AnswerCache, conditionalRequests } from './conditional-requests.ts';
import { endRequests } from './end-requests.ts';
import { fetchWhole } from './fetch-whole.ts';
import type { RateBudget } from './rate-budget.ts';

export interface OctokitOptions {
  readonly apiUrl: string;
  readonly token: string;
  readonly budget: RateBudget;
  readonly requestTimeoutMs: number;
  readonly retries: number;
  readonly ends?: Ends;
}

/** Answers kept for conditional requests: a page of 100 jobs takes about 300 KB. */
const mostAnswers = 500;

const Client = Octokit.plugin(paginateRest, retry, throttling);
export type GitHubOctokit = InstanceType<typeof Client>;

export function createOctokit({
  apiUrl,
  token,
  budget,
  requestTimeoutMs,
  retries,
  ends,
}: OctokitOptions): GitHubOctokit {
  const octokit = new Client({
    auth: token,
    baseUrl: apiUrl,
    userAgent: 'gha-slurm',
    request: { fetch: fetchWhole(requestTimeoutMs, ends) },
    // The next poll is a retry too: one that waits for seconds here would hold that up. Milliseconds, times four at first.
    retry: {
      enabled: true,
      retries,
      retryAfterBaseValue: 100,
      doNotRetry: [304, 400, 401, 403, 404, 409, 410, 422, 429, 451],
    },
    throttle: {
      // Callers are told at once and decide: a claim that waits here for a minute keeps a node waiting.
      onRateLimit: () => false,
      onSecondaryRateLimit: () => false,
      ...throttleGroups(),
    },
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  octokit.hook.before('request', (request) => {
    request.headers['x-github-api-version'] = '2022-11-28';
  });
  octokit.hook.after('request', (response) => budget.note(response.headers, true));
  octokit.hook.error('request', (error) => {
    const { response, status } = error as { response?: { headers: Record<string, string> }; status?: number };
    if (response !== undefined) budget.note(response.headers, status !== 304);
    throw error;
  });
  conditionalRequests(new AnswerCache(mostAnswers))(octokit);
  // Around everything else: also for what waits for its turn or for another try.
  if (ends !== undefined) endRequests(ends)(octokit);
  return octokit;
}

/**
 * GitHub allows 100 requests at once and 900 points a minute, of which a mutation takes 5: sixty at once and one more a
 * second leave a third of them to reading. The plugin's own spacing, one mutation a second, would keep the runners of a
 * big workflow waiting for minutes.
 * Source: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
function throttleGroups() {
  const timeout = 120_000;
  return {
    global: new Bottleneck.Group({ id: 'github-global', maxConcurrent: 20, timeout }),
    write: new Bottleneck.Group({
      id: 'github-write',
      maxConcurrent: 20,
      reservoir: 60,
      reservoirIncreaseAmount: 1,
      reservoirIncreaseInterval: 1_000,
      reservoirIncreaseMaximum: 60,
      timeout,
    }),
  };
}
