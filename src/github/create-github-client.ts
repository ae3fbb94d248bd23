/** GitHub, as far as the controller needs it. Mutations are never retried here: the caller knows what is on disk. */
import { ZodError } from 'zod';
import type { Ends } from '../domain/ends.ts';
import { GitHubError } from '../domain/errors.ts';
import type { Clock } from '../domain/time.ts';
import { createOctokit } from './create-octokit.ts';
import { findRunner, listRunners, type RegisteredRunner } from './list-runners.ts';
import { type KnownWork, observeRepository, type RepositoryObservation } from './observe-repository.ts';
import { RateBudget, type RateLimit } from './rate-budget.ts';
import { malformed, toGitHubError } from './to-error.ts';

export interface GitHubClientOptions {
  readonly apiUrl: string;
  readonly token: string;
  readonly clock: Clock;
  readonly requestTimeoutMs?: number;
  /** Of a GET that met a 5xx or no answer. */
  readonly retries?: number;
  readonly ends?: Ends;
}

export interface GitHubClient {
  observe(repository: string, known: KnownWork): Promise<RepositoryObservation>;
  mint(
    repository: string,
    request: {
      readonly name: string;
      readonly labels: readonly string[];
      readonly workFolder?: string | undefined;
    },
  ): Promise<{ readonly runnerId: number; readonly jitConfig: string }>;
  deregister(
    repository: string,
    runner: { readonly id: number | null; readonly name: string },
  ): Promise<'gone' | 'busy'>;
  runners(repository: string): Promise<readonly RegisteredRunner[]>;
  runner(repository: string, name: string): Promise<RegisteredRunner | null>;
  pollDelayMs(leastMs: number): number;
  rateLimit(): RateLimit | null;
}

/** Repository runners are in the group "Default", whose id is 1. */
const defaultGroup = 1;
const once = { request: { retries: 0 } };

export function createGitHubClient(options: GitHubClientOptions): GitHubClient {
  const budget = new RateBudget(options.clock);
  const octokit = createOctokit({
    apiUrl: options.apiUrl,
    token: options.token,
    budget,
    requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
    retries: options.retries ?? 1,
    ...(options.ends === undefined ? {} : { ends: options.ends }),
  });

  /** While GitHub told us to wait, nothing is sent. */
  async function ask<T>(place: string, call: () => Promise<T>): Promise<T> {
    const { waitMs } = budget;
    if (waitMs > 0) {
      throw new GitHubError(
        `GitHub's rate limit is reached (${place}): calls go on in ${Math.ceil(waitMs / 1_000)} s by themselves.`,
        {
          kind: 'rate-limited',
          status: null,
          notCreated: true,
          retryAfterMs: waitMs,
        },
      );
    }
    try {
      return await call();
    } catch (error) {
      if (error instanceof ZodError) throw malformed(place, error.issues[0]?.path.join('.') ?? 'unknown');
      // A page of a proxy, where an object was to be.
      if (error instanceof TypeError && !('cause' in error)) throw malformed(place, 'not what was asked for');
      throw toGitHubError(error, place, budget);
    }
  }

  const split = (repository: string) => {
    const [owner = '', repo = ''] = repository.split('/');
    return { owner, repo };
  };

  return {
    observe: (repository, known) =>
      ask(repository, async () => {
        const observation = await observeRepository(octokit, repository, known);
        budget.noteSuccess();
        return observation;
      }),

    mint: (repository, { name, labels, workFolder = '_work' }) =>
      ask(repository, async () => {
        const { data } = await octokit.request(
          'POST /repos/{owner}/{repo}/actions/runners/generate-jitconfig',
          {
            ...split(repository),
            name,
            labels: [...labels],
            runner_group_id: defaultGroup,
            work_folder: workFolder,
            ...once,
          },
        );
        if (typeof data.encoded_jit_config !== 'string' || typeof data.runner?.id !== 'number') {
          throw malformed(repository, 'no JIT config');
        }
        return { runnerId: data.runner.id, jitConfig: data.encoded_jit_config };
      }),

    deregister: (repository, { id, name }) =>
      ask(repository, async () => {
        const runner_id = id ?? (await findRunner(octokit, repository, name))?.id;
        if (runner_id === undefined) return 'gone';
        try {
          await octokit.request('DELETE /repos/{owner}/{repo}/actions/runners/{runner_id}', {
            ...split(repository),
            runner_id,
            ...once,
          });
          return 'gone';
        } catch (error) {
          const { status } = error as { status?: number };
          if (status === 404) return 'gone';
          if (status === 422) return 'busy';
          throw error;
        }
      }),

    runners: (repository) => ask(repository, () => listRunners(octokit, repository)),
    runner: (repository, name) => ask(repository, () => findRunner(octokit, repository, name)),

    pollDelayMs(leastMs) {
      budget.endPoll();
      return budget.pollDelayMs(leastMs);
    },
    rateLimit: () => budget.limit,
  };
}
