/**
 * A stateful stand-in for GitHub on `node:http`: REST with ETags, pages and rate limits, the runner protocol, and a control
 * API under `/_control/` for those who are not in this process.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type SimulatorControl, simulatorControl } from './control.ts';
import { type Fault, Faults } from './faults.ts';
import { RateAccount } from './rate-account.ts';
import { notFound, type RestAnswer, type Route, rateLimitRoute, refused, restRoutes } from './rest-routes.ts';
import { RunnerProtocol } from './runner-protocol.ts';
import { SimulatorState } from './simulator-state.ts';

export interface SimulatorOptions {
  readonly port?: number;
  readonly host?: string;
  /** Of every REST answer. */
  readonly latencyMs?: number;
  readonly rateLimit?: number;
  readonly token?: string;
  readonly wallMs?: () => number;
  /** How nodes reach it; default: as it listens. */
  readonly publicUrl?: string;
  readonly lostAfterMs?: number;
}

export interface Simulator {
  readonly url: string;
  readonly port: number;
  readonly token: string;
  readonly control: SimulatorControl;
  stop(): Promise<void>;
}

export interface RequestRecord {
  readonly method: string;
  /** As GitHub's description writes it. */
  readonly path: string;
  readonly status: number;
  /** Points of the primary limit. */
  readonly cost: number;
}

const holdMs = 20_000;
const compiled = restRoutes.map((route) => ({ route, pattern: toPattern(route.path) }));

export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const {
    token = `ghp_${randomUUID().replaceAll('-', '')}`,
    wallMs = Date.now,
    host = '127.0.0.1',
  } = options;
  const state = new SimulatorState({ wallMs, lostAfterMs: options.lostAfterMs ?? 600_000 });
  const runners = new RunnerProtocol(state, holdMs);
  const faults = new Faults();
  const rate = new RateAccount(options.rateLimit ?? 5_000, wallMs);
  const requests: RequestRecord[] = [];
  const settings = { latencyMs: options.latencyMs ?? 0 };
  const control = simulatorControl({ state, faults, rate, requests, settings });
  let api = options.publicUrl ?? '';

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://simulator');
    const body = await readBody(request);
    const credential = (request.headers.authorization ?? '').replace(/^(?:Bearer|token) /i, '');
    if (url.pathname.startsWith('/_runner/')) {
      const answer = await runners.handle(request.method ?? '', url.pathname, credential, body);
      response.writeHead(answer.status, { 'Content-Type': 'text/plain' }).end(answer.text);
    } else if (credential !== token) {
      send(
        response,
        401,
        { message: 'Bad credentials', documentation_url: 'https://docs.github.com/rest', status: '401' },
        {},
      );
    } else if (url.pathname.startsWith('/_control/')) {
      const answer = control.overHttp(url.pathname.slice('/_control/'.length), parse(body) ?? {});
      send(response, answer === undefined ? 404 : 200, answer ?? { message: 'no such control' }, {});
    } else await serveRest(request, response, url, body);
  }

  async function serveRest(request: IncomingMessage, response: ServerResponse, url: URL, body: string) {
    const method = request.method ?? 'GET';
    if (settings.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, settings.latencyMs));
    if (url.pathname === rateLimitRoute.path) {
      send(
        response,
        200,
        { resources: { core: rate.state(), search: rate.state() }, rate: rate.state() },
        rateHeaders(),
      );
      return;
    }
    const found = findRoute(method, url.pathname);
    const path = found?.route.path ?? url.pathname;
    const met = faults.meet(method, path);
    if (met?.kind === 'delay') {
      met.meanwhile?.();
      await new Promise((resolve) => setTimeout(resolve, met.delayMs ?? 0));
    }
    if (met?.kind === 'twice') answerTo(found, url, body);
    const fault = met?.kind === 'delay' || met?.kind === 'twice' ? null : met;
    if (!rate.spend()) {
      requests.push({ method, path, status: 403, cost: 0 });
      send(
        response,
        403,
        { message: 'API rate limit exceeded', documentation_url: 'https://docs.github.com/rest' },
        rateHeaders(),
      );
      return;
    }
    if (fault?.kind === 'status') {
      const status = fault.status ?? 500;
      requests.push({ method, path, status, cost: 1 });
      send(response, status, { message: fault.message ?? 'fault' }, { ...rateHeaders(), ...fault.headers });
      return;
    }
    const answer = answerTo(found, url, body);
    const { text, link } = render(answer, url);
    const etag = `"${createHash('sha256').update(text).update(token).digest('hex')}"`;
    const unchanged = method === 'GET' && answer.status === 200 && request.headers['if-none-match'] === etag;
    if (unchanged) rate.giveBack();
    const status = unchanged ? 304 : answer.status;
    requests.push({ method, path, status, cost: unchanged ? 0 : 1 });
    const headers = {
      ...rateHeaders(),
      ...(answer.status === 200 ? { ETag: etag } : {}),
      ...(link === null ? {} : { Link: link }),
    };
    if (fault !== null) fail(response, fault, answer.status, text);
    else if (status === 204 || status === 304) response.writeHead(status, headers).end();
    else
      response.writeHead(status, { ...headers, 'Content-Type': 'application/json; charset=utf-8' }).end(text);
  }

  function answerTo(found: ReturnType<typeof findRoute>, url: URL, text: string): RestAnswer {
    if (found === null || !isThere(found.params)) return notFound;
    const body = parse(text);
    if (body === null) return refused(400, 'Problems parsing JSON');
    state.loseSilent();
    return found.route.handle(state, { params: found.params, query: url.searchParams, body, api });
  }

  /** An organization is there when it has a repository. */
  function isThere({ owner, repo, org }: Readonly<Record<string, string>>): boolean {
    return org === undefined
      ? state.repositories.has(`${owner}/${repo}`)
      : [...state.repositories].some((repository) => repository.startsWith(`${org}/`));
  }

  function render(answer: RestAnswer, url: URL): { text: string; link: string | null } {
    if (answer.list === undefined) return { text: JSON.stringify(answer.body ?? null), link: null };
    const { name, items } = answer.list;
    const perPage = Math.min(100, natural(url.searchParams.get('per_page')) ?? 30);
    const page = natural(url.searchParams.get('page')) ?? 1;
    const text = JSON.stringify({
      total_count: items.length,
      [name]: items.slice((page - 1) * perPage, page * perPage),
    });
    return { text, link: linkHeader(url, api, page, Math.max(1, Math.ceil(items.length / perPage))) };
  }

  function rateHeaders(): Record<string, string> {
    const { limit, remaining, used, reset } = rate.state();
    return {
      'X-RateLimit-Limit': String(limit),
      'X-RateLimit-Remaining': String(remaining),
      'X-RateLimit-Used': String(used),
      'X-RateLimit-Reset': String(reset),
      'X-RateLimit-Resource': 'core',
      'X-GitHub-Request-Id': randomUUID(),
    };
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (!response.headersSent) send(response, 500, { message: `simulator: ${String(error)}` }, {});
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  if (api === '') api = `http://${host}:${port}`;
  return {
    url: `http://${host}:${port}`,
    port,
    token,
    control,
    async stop() {
      runners.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function toPattern(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`);
}

function findRoute(
  method: string,
  pathname: string,
): { route: Route; params: Record<string, string> } | null {
  for (const { route, pattern } of compiled) {
    const match = route.method === method ? pattern.exec(pathname) : null;
    if (match !== null) return { route, params: { ...match.groups } };
  }
  return null;
}

function linkHeader(url: URL, api: string, page: number, last: number): string | null {
  if (last === 1) return null;
  const to = (number: number, rel: string): string => {
    const target = new URL(api + url.pathname + url.search);
    target.searchParams.set('page', String(number));
    return `<${target}>; rel="${rel}"`;
  };
  return [
    ...(page > 1 ? [to(page - 1, 'prev'), to(1, 'first')] : []),
    ...(page < last ? [to(page + 1, 'next'), to(last, 'last')] : []),
  ].join(', ');
}

function fail(response: ServerResponse, fault: Fault, status: number, text: string): void {
  if (fault.kind === 'lost-after') response.destroy();
  else if (fault.kind === 'empty') response.writeHead(status, { 'Content-Type': 'application/json' }).end();
  else if (fault.kind === 'not-json')
    response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>proxy</html>');
  else if (fault.kind === 'cut') {
    response.writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
    });
    response.write(text.slice(0, Math.floor(text.length / 2)));
    setImmediate(() => response.destroy());
  }
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string>,
): void {
  response
    .writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', ...headers })
    .end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Null when it is no object in JSON. */
function parse(body: string): Record<string, unknown> | null {
  if (body === '') return {};
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown> | null)
      : null;
  } catch {
    return null;
  }
}

/** Undefined for anything but 1, 2, 3 …; GitHub takes its default then. */
function natural(text: string | null): number | undefined {
  const number = Number(text);
  return Number.isInteger(number) && number > 0 ? number : undefined;
}
