/**
 * `fetch` for Octokit, over Node's own HTTP client: Node's `fetch` takes 30 MiB more (docs/adr/0015-http-without-fetch.md).
 *
 * Octokit takes an answer that breaks off, and one without a body, for an empty page: a listing would lose its jobs. Here
 * such an answer is a failure, before Octokit sees it.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import fetch from 'minipass-fetch';
import type { Ends } from '../domain/ends.ts';
import { endOf } from './end-requests.ts';

const bodiless: ReadonlySet<number> = new Set([204, 205, 304]);

/** Connections are kept for the next call. @throws TypeError for an answer without a body; what the library throws for none. */
export function fetchWhole(timeLimitMs: number, ends?: Ends): typeof globalThis.fetch {
  const plain = new HttpAgent({ keepAlive: true });
  const secure = new HttpsAgent({ keepAlive: true });
  const agent = ({ protocol }: URL): HttpAgent => (protocol === 'https:' ? secure : plain);
  const whole = async (url: string, { method, headers, body }: RequestInit) => {
    const limit = AbortSignal.timeout(timeLimitMs);
    const signal = ends === undefined ? limit : AbortSignal.any([limit, endOf(ends, method)]);
    // The library's own error says that it was stopped, and not why.
    const unanswered = (error: unknown): never => {
      throw signal.aborted ? signal.reason : error;
    };
    const init = { method, headers, body, signal, agent, redirect: 'follow' } as const;
    const response = await fetch(url, init).catch(unanswered);
    const { status, statusText, ok } = response;
    // Rejects when the connection ends before the body does.
    const bytes = bodiless.has(status) ? Buffer.alloc(0) : await response.buffer().catch(unanswered);
    if (ok && !bodiless.has(status) && bytes.length === 0) throw new TypeError('an answer without a body');
    return {
      status,
      statusText,
      ok,
      url: response.url,
      headers: response.headers,
      text: async () => bytes.toString(),
      arrayBuffer: async () => Uint8Array.from(bytes).buffer,
    };
  };
  // Octokit uses nothing of a `Response` that this does not have.
  return whole as unknown as typeof globalThis.fetch;
}
