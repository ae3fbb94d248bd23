/**
 * One request over Node's own HTTP client, whole: as much of `fetch`, `Request` and `Response` as openapi-fetch uses. Of these
 * Node's own are the heaviest part of a call to slurmrestd, and their parser takes 20 MiB (docs/adr/0015-http-without-fetch.md).
 *
 * No redirect is followed: a submit would be sent twice, and the token to somebody else.
 */
import { type Agent, type IncomingMessage, request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import type { Socket } from 'node:net';
import { NotConnectedError } from './not-connected-error.ts';

export interface Connections {
  readonly agent: Agent;
  readonly socketPath?: string | undefined;
  readonly connectTimeLimitMs: number;
}

/** What openapi-fetch makes of a call. */
export class PlainRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string | Buffer | undefined;
  readonly signal: AbortSignal;

  constructor(url: string, init: RequestInit) {
    this.url = url;
    this.method = init.method ?? 'GET';
    this.headers = init.headers as Headers;
    this.body = init.body as string | Buffer | undefined;
    this.signal = init.signal as AbortSignal;
  }
}

/** An answer that has come whole. */
export class PlainResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly #body: string;

  constructor({ statusCode = 0, headers }: IncomingMessage, body: string) {
    this.status = statusCode;
    this.headers = { get: (name) => headers[name.toLowerCase()]?.toString() ?? null };
    this.#body = body;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  async text(): Promise<string> {
    return this.#body;
  }

  /** @throws SyntaxError */
  async json(): Promise<unknown> {
    return JSON.parse(this.#body);
  }
}

/** @throws NotConnectedError when nothing was sent; the signal's reason, or the system's error, when that is not known. */
export function send(
  { url, method, headers, body, signal }: PlainRequest,
  { agent, socketPath, connectTimeLimitMs }: Connections,
): Promise<PlainResponse> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(new NotConnectedError(signal.reason));
      return;
    }
    let connected = false;
    const secure = url.startsWith('https:');
    const request = (secure ? overHttps : overHttp)(url, {
      method,
      agent,
      headers: {
        ...Object.fromEntries(headers),
        // Node leaves it out of a DELETE, whose body nobody would read then.
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
      },
      ...(socketPath === undefined ? {} : { socketPath }),
    });
    let answer: IncomingMessage | null = null;
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', stop);
      reject(connected ? error : new NotConnectedError(error));
    };
    const stop = (): void => {
      fail(signal.reason);
      request.destroy();
    };
    signal.addEventListener('abort', stop);
    request.once('socket', (socket) => {
      if (request.reusedSocket) connected = true;
      else onConnected(socket, secure, connectTimeLimitMs, () => (connected = true));
    });
    request.on('error', (error) => {
      // What comes behind a whole answer is no part of it.
      if (answer?.complete !== true) fail(error);
    });
    request.once('response', (response) => {
      answer = response;
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      // When the connection ends before the body does.
      response.on('error', fail);
      response.once('end', () => {
        signal.removeEventListener('abort', stop);
        resolve(new PlainResponse(response, Buffer.concat(parts).toString()));
      });
    });
    request.end(body);
  });
}

function onConnected(socket: Socket, secure: boolean, limitMs: number, then: () => void): void {
  const late = setTimeout(() => {
    socket.destroy(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' }));
  }, limitMs);
  socket.once('close', () => clearTimeout(late));
  socket.once(secure ? 'secureConnect' : 'connect', () => {
    clearTimeout(late);
    then();
  });
}
