/**
 * One call, from waiting for its turn to Slurm's statement or a `SlurmError`.
 *
 * - It waits for its turn (`call-queue.ts`), and is not sent to a Slurm in trouble (`circuit-breaker.ts`).
 * - Of several slurmrestds the one that last answered is asked. Where no connection comes about, the next one is asked at
 *   once; a call that may have reached one is never sent to another, and the calls after it begin with the next.
 * - The newest version that both sides know is looked for, at each slurmrestd: at the first call, after a failure that
 *   may have been its restart, when its answers come from another release, and when a version is not served any more.
 * - A refused token is renewed once; where there is another one then, the call is sent again. Slurm did nothing for the first.
 */
import type { Ends } from '../domain/ends.ts';
import { SlurmError } from '../domain/errors.ts';
import type { Clock } from '../domain/time.ts';
import { apiVersions } from './api-versions.ts';
import { CallQueue } from './call-queue.ts';
import { type CallKind, calls } from './calls.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import {
  errorFromFailure,
  errorFromFaults,
  errorFromText,
  errorFromToken,
  type SlurmFault,
} from './classify-error.ts';
import type { SlurmEndpoint } from './connect.ts';
import { noteWarnings, type SlurmWarning, type WarningLog } from './note-warnings.ts';
import { TimeLimit } from './time-limit.ts';
import type { TokenSource } from './token-source.ts';

export interface CallerOptions {
  /** One at least; they are asked in this order. */
  readonly endpoints: readonly SlurmEndpoint[];
  /** The token of this user; null for `slurm.user`. */
  readonly tokenFor: (user: string | null) => TokenSource;
  readonly apiVersion: 'auto' | string;
  readonly clock: Clock;
  readonly log: WarningLog;
  readonly ends?: Ends;
  /** Shorter ones, for tests. */
  readonly timeLimitMs?: number;
}

export interface Answer {
  readonly data?: unknown;
  readonly error?: unknown;
  readonly response: Response;
}
export interface Common {
  readonly errors?: readonly SlurmFault[];
  readonly warnings?: readonly SlurmWarning[];
}
/** Of every answer. */
interface Whole extends Common {
  readonly job_id?: number;
  readonly meta?: { readonly slurm?: { readonly release?: string } };
}
export interface ApiOptions {
  readonly endpoint: SlurmEndpoint;
  readonly version: string;
  readonly token: string;
  readonly signal: AbortSignal;
}
/** @param version of the API that it is sent in. @throws SlurmError where it can't be sent in that. */
export type Send<Api> = (api: Api, version: string) => Promise<Answer>;

interface Call<Api> {
  readonly kind: CallKind;
  readonly send: Send<Api>;
  readonly user: string | null;
}
interface Known {
  readonly endpoint: SlurmEndpoint;
  version: string | null;
  release: string | null;
}

export class Caller<Api> {
  readonly #options: CallerOptions;
  readonly #apiOf: (options: ApiOptions) => Api;
  readonly #ping: Send<Api>;
  readonly #queue: CallQueue;
  readonly #breaker: CircuitBreaker;
  readonly #known: Known[];
  readonly #fixed: string | null;

  /** @param apiOf what sends requests; @param ping sends the one that every version has. */
  constructor(options: CallerOptions, apiOf: (options: ApiOptions) => Api, ping: Send<Api>) {
    this.#options = options;
    this.#apiOf = apiOf;
    this.#ping = ping;
    this.#queue = new CallQueue(options.clock);
    this.#breaker = new CircuitBreaker(options.clock);
    this.#known = options.endpoints.map((endpoint) => ({ endpoint, version: null, release: null }));
    this.#fixed = options.apiVersion === 'auto' ? null : options.apiVersion;
  }

  /** @param user whose call it is; null for `slurm.user`. @throws SlurmError */
  async call<T extends Common>(kind: CallKind, send: Send<Api>, user: string | null = null): Promise<T> {
    // What would not be sent need not wait for its turn.
    this.#breaker.check(kind);
    return this.#queue.run(kind, () => this.#breaker.run(kind, () => this.#inTurn<T>({ kind, send, user })));
  }

  /** The version in use; looks for one first where none is chosen yet. @throws SlurmError */
  async version(): Promise<string> {
    if (this.#fixed !== null) return this.#fixed;
    if (this.#known[0]?.version == null) await this.call(calls.ping, this.#ping);
    return this.#known.find(({ version }) => version !== null)?.version ?? '';
  }

  async #inTurn<T extends Common>(call: Call<Api>): Promise<T> {
    const failures: SlurmError[] = [];
    for (const known of [...this.#known]) {
      try {
        return await this.#at<T>(known, call);
      } catch (error) {
        if (!(error instanceof SlurmError) || !isUnanswered(error)) throw error;
        // It may be another one when it is there again.
        known.version = null;
        this.#known.push(...this.#known.splice(this.#known.indexOf(known), 1));
        failures.push(error);
        if (!error.notCreated) break;
      }
    }
    const last = failures.at(-1);
    if (last === undefined || failures.length === 1)
      throw last ?? new Error('There is no slurmrestd to ask.');
    const { kind: errorKind, errorNumber, notCreated } = last;
    const message = failures.map((failure) => failure.message).join(' ');
    throw new SlurmError(message, { kind: errorKind, errorNumber, notCreated, cause: last });
  }

  async #at<T extends Common>(known: Known, call: Call<Api>): Promise<T> {
    const version = this.#fixed ?? known.version ?? (await this.#choose(known));
    try {
      return await this.#authenticated<T>(known, version, call);
    } catch (error) {
      if (!(error instanceof SlurmError) || error.kind !== 'protocol' || this.#fixed !== null) throw error;
      const other = await this.#choose(known);
      if (other === version) throw error;
      return this.#authenticated<T>(known, other, call);
    }
  }

  async #authenticated<T extends Common>(
    known: Known,
    version: string,
    { kind, send, user }: Call<Api>,
  ): Promise<T> {
    const source = this.#options.tokenFor(user);
    const noToken = (cause: unknown): never => {
      throw errorFromToken(kind.name, cause);
    };
    const token = await source.current().catch(noToken);
    try {
      return await this.#attempt<T>(known, kind, version, token, send);
    } catch (error) {
      if (!(error instanceof SlurmError) || error.kind !== 'auth' || error.fromProxy) throw error;
      const renewed = await source.renew(token).catch(noToken);
      if (renewed === token) throw error;
      return this.#attempt<T>(known, kind, version, renewed, send);
    }
  }

  async #attempt<T extends Common>(
    known: Known,
    { name, changes, timeLimitMs }: CallKind,
    version: string,
    token: string,
    send: Send<Api>,
  ): Promise<T> {
    const { ends, log } = this.#options;
    const limit = new TimeLimit(
      this.#options.timeLimitMs ?? timeLimitMs,
      changes ? ends?.changes : ends?.looks,
    );
    const { signal } = limit;
    const { endpoint } = known;
    const answer = await send(this.#apiOf({ endpoint, version, token, signal }), version)
      .catch((cause: unknown) => {
        if (cause instanceof SlurmError) throw cause;
        throw cause instanceof SyntaxError
          ? errorFromText(name, 200, 'not JSON')
          : errorFromFailure(name, endpoint.url, cause);
      })
      .finally(() => limit.clear());
    const { status } = answer.response;
    const body = answer.data ?? answer.error;
    if (typeof body !== 'object' || body === null) throw errorFromText(name, status, String(body ?? ''));
    const { errors = [], warnings = [], meta, job_id } = body as Whole;
    noteWarnings(log, name, warnings);
    this.#noteRelease(known, meta?.slurm?.release ?? null);
    if (errors.length > 0 || !answer.response.ok) throw errorFromFaults(name, status, errors, job_id);
    return body as T;
  }

  /** Upgraded between two calls, it may serve a newer version, while the old one still does. */
  #noteRelease(known: Known, release: string | null): void {
    if (release === null || release === known.release) return;
    if (known.release !== null) known.version = null;
    known.release = release;
  }

  /**
   * `/ping/` of a version that is not served answers 404 in plain text; a bad token and a dead slurmctld answer 200.
   * @throws SlurmError, always `notCreated`: what was to be sent was not.
   */
  async #choose(known: Known): Promise<string> {
    const token = await this.#options
      .tokenFor(null)
      .current()
      .catch((cause: unknown) => {
        throw errorFromToken(calls.ping.name, cause);
      });
    let words = '';
    let fromProxy = true;
    for (const version of apiVersions) {
      try {
        await this.#attempt(known, calls.ping, version, token, this.#ping);
        known.version = version;
        return version;
      } catch (error) {
        if (!(error instanceof SlurmError)) throw error;
        const { message, kind, errorNumber } = error;
        words = message;
        fromProxy &&= error.fromProxy;
        if (kind !== 'protocol')
          throw new SlurmError(message, {
            kind,
            errorNumber,
            notCreated: true,
            fromProxy: error.fromProxy,
            cause: error,
          });
      }
    }
    throw new SlurmError(
      `slurmrestd at ${known.endpoint.url} serves none of ${apiVersions.join(', ')}: check slurm.url, or use a Slurm that serves one of them. The last answer: ${words}`,
      { kind: 'protocol', errorNumber: null, notCreated: true, fromProxy },
    );
  }
}

/** Nothing that Slurm has said: no connection, no answer, or a page of something else. */
function isUnanswered({ kind, errorNumber, fromProxy }: SlurmError): boolean {
  return fromProxy || (kind === 'unavailable' && errorNumber === null);
}
