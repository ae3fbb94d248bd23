/** Octokit's errors carry the request with its token: nothing of them but the status and GitHub's words goes further. */
import { GitHubError } from '../domain/errors.ts';
import type { RateBudget } from './rate-budget.ts';

interface RequestFailure {
  readonly status?: number;
  readonly message?: string;
  readonly name?: string;
  readonly cause?: unknown;
  readonly response?: {
    readonly headers?: Readonly<Record<string, string | number | undefined>>;
    readonly data?: unknown;
  };
}

/** @param place the repository, for the sentence. */
export function toGitHubError(error: unknown, place: string, budget: RateBudget): GitHubError {
  if (error instanceof GitHubError) return error;
  const failure = error as RequestFailure;
  const { response } = failure;
  if (response === undefined || failure.status === undefined) return unanswered(failure, place);
  const { status } = failure;
  const headers = response.headers ?? {};
  const words = wordsOf(response.data);
  const fields = { status, notCreated: true };
  if (status === 401) {
    return new GitHubError(
      `GitHub refuses the token (${place}: ${words}): put a valid one in github.auth.token.`,
      { ...fields, kind: 'auth' },
    );
  }
  if (status === 403 || status === 429) {
    const retryAfterMs = budget.noteRefusal(headers, words);
    if (retryAfterMs !== null) {
      const seconds = Math.ceil(retryAfterMs / 1_000);
      return new GitHubError(
        `GitHub's rate limit is reached (${place}): calls go on in ${seconds} s by themselves.`,
        {
          ...fields,
          kind: 'rate-limited',
          retryAfterMs,
        },
      );
    }
  }
  if (status === 403 || status === 404) {
    const wanted = headers['x-accepted-github-permissions'] ?? 'Actions: read and Administration: write';
    return new GitHubError(
      `GitHub shows nothing at ${place} (status ${status}: ${words}): check the name in github.watch, and that the token has ${wanted}.`,
      { ...fields, kind: 'forbidden' },
    );
  }
  if (status === 409) {
    return new GitHubError(`A runner of that name exists at ${place} (${words}).`, {
      ...fields,
      kind: 'conflict',
      notCreated: false,
    });
  }
  // 408: somebody on the way has waited too long for GitHub or for the request, and nobody knows how far that came.
  if (status >= 400 && status < 500 && status !== 408) {
    return new GitHubError(`GitHub refuses a request at ${place} (status ${status}: ${words}).`, {
      ...fields,
      kind: 'refused',
    });
  }
  return new GitHubError(
    `GitHub is in trouble (${place}: status ${status}): calls are tried again by themselves.`,
    {
      status,
      kind: 'unavailable',
      notCreated: false,
    },
  );
}

/** For an answer that is not of the form that GitHub describes. */
export function malformed(place: string, what: string): GitHubError {
  return new GitHubError(`GitHub's answer can not be read (${place}: ${what}): is a proxy in between?`, {
    kind: 'unavailable',
    status: 200,
    notCreated: false,
  });
}

function unanswered(failure: RequestFailure, place: string): GitHubError {
  if (failure.name === 'AbortError') {
    return new GitHubError(
      `GitHub's answer is not waited for (${place}): the service is ending, and looks at its next start.`,
      { kind: 'unavailable', status: null, notCreated: false },
    );
  }
  const timedOut = [failure.name, (failure.cause as RequestFailure | undefined)?.name].includes(
    'TimeoutError',
  );
  const reason = timedOut || /timeout/i.test(failure.message ?? '') ? 'no answer in time' : codeOf(failure);
  return new GitHubError(
    `GitHub can not be reached (${place}: ${reason}): check github.apiUrl and the network; it is tried again by itself.`,
    { kind: 'unavailable', status: null, notCreated: reason === 'ECONNREFUSED' },
  );
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'no connection';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'cause' in error && error.cause !== undefined ? codeOf(error.cause) : 'no connection';
}

function wordsOf(data: unknown): string {
  const message = typeof data === 'object' && data !== null && 'message' in data ? data.message : data;
  return typeof message === 'string' ? (message.split('\n')[0] ?? '').slice(0, 200) : 'no reason given';
}
