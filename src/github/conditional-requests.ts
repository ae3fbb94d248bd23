/**
 * Every GET carries the ETag of the last answer; a 304, which GitHub does not count against the primary limit, hands back
 * that answer, its `Link` header included, so that pagination goes on from it. What was made of an answer is kept with it.
 */
import type { Octokit } from '@octokit/core';
import type { OctokitResponse } from '@octokit/types';

interface Kept {
  readonly etag: string;
  readonly response: OctokitResponse<unknown>;
}

/** Bounded: the least recently used answer goes first. */
export class AnswerCache {
  readonly #answers = new Map<string, Kept>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get(key: string): Kept | undefined {
    const kept = this.#answers.get(key);
    if (kept !== undefined) {
      this.#answers.delete(key);
      this.#answers.set(key, kept);
    }
    return kept;
  }

  set(key: string, kept: Kept): void {
    this.#answers.delete(key);
    this.#answers.set(key, kept);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > this.#most && oldest !== undefined) this.#answers.delete(oldest);
  }
}

export function conditionalRequests(cache: AnswerCache) {
  return (octokit: Octokit): void => {
    octokit.hook.wrap('request', async (request, options) => {
      if (options.method !== 'GET') return request(options);
      const { url } = octokit.request.endpoint(options);
      const kept = cache.get(url);
      if (kept !== undefined) options.headers['if-none-match'] = kept.etag;
      try {
        const response = (await request(options)) as OctokitResponse<unknown>;
        const { etag } = response.headers;
        if (etag !== undefined) cache.set(url, { etag, response: copyOf(response) });
        return response;
      } catch (error) {
        if (kept !== undefined && (error as { status?: number }).status === 304) return copyOf(kept.response);
        throw error;
      }
    });
  };
}

/** Pagination takes the envelope off the data of the response that it is given. */
function copyOf(response: OctokitResponse<unknown>): OctokitResponse<unknown> {
  const { data } = response;
  const envelope = typeof data === 'object' && data !== null && !Array.isArray(data);
  return { ...response, data: envelope ? { ...data } : data };
}
