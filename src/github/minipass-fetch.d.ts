/** The part of the library that is used here; it has no types of its own. */
declare module 'minipass-fetch' {
  import type { Agent } from 'node:http';

  export interface Init {
    readonly method?: string | undefined;
    readonly headers?: unknown;
    readonly body?: unknown;
    readonly signal: AbortSignal;
    readonly redirect: 'follow';
    readonly agent: (url: URL) => Agent;
  }
  interface Response {
    readonly status: number;
    readonly statusText: string;
    readonly ok: boolean;
    readonly url: string;
    readonly headers: Iterable<[string, string]> & { get(name: string): string | null };
    buffer(): Promise<Buffer>;
  }
  export default function fetch(url: string, init: Init): Promise<Response>;
}
