/**
 * The typed client for slurmrestd: the only file that knows the generated types. One client serves every version of the
 * API, whose names are the same here; what is sent and read is held to each version by a type test.
 *
 * - The newest version that both sides know is looked for at the first call, and again after a call was not understood.
 * - Connections are kept alive; each call has a time limit of its own, longer than slurmrestd's own waits of 10 to 20 s,
 *   since a call that is given up early is a call in doubt.
 * - A refused token is asked for once more; where the source has another one by now, the call is sent again. Slurm did
 *   nothing for the first.
 */
import createClient, { type Client } from 'openapi-fetch';
import { SlurmError } from '../domain/errors.ts';
import { apiVersions } from './api-versions.ts';
import { errorFromFailure, errorFromFaults, errorFromText, type SlurmFault } from './classify-error.ts';
import type { paths } from './generated/v0.0.42.gen.ts';
import { parseJob, type SlurmJobDetail } from './parse-job.ts';
import { type SubmitRequest, submitBody } from './submit-body.ts';

export interface SlurmClientOptions {
  /** `http://host:port`, with a path where a proxy stands in front. */
  readonly url: string;
  /** Owner of the jobs, for cancels by name. */
  readonly user: string;
  readonly token: () => string;
  readonly apiVersion: 'auto' | string;
  readonly log: { warn(data: object, message: string): void; error(data: object, message: string): void };
  readonly timeLimitMs?: number;
  readonly fetch?: typeof fetch;
}

export interface SlurmJobRef {
  readonly id: number;
  readonly name: string;
}

export interface SlurmClient {
  submit(request: SubmitRequest): Promise<{ readonly id: number; readonly warnings: readonly string[] }>;
  states(
    ids: readonly number[],
  ): Promise<readonly { readonly id: number; readonly states: readonly string[] }[]>;
  job(id: number): Promise<SlurmJobDetail | null>;
  /** Every job of everybody that Slurm still knows: megabytes on a large cluster, so for a comparison by hand only. */
  listJobs(): Promise<readonly SlurmJobDetail[]>;
  cancel(job: SlurmJobRef): Promise<void>;
  cancelByName(name: string): Promise<void>;
  /** The version in use; looks for one first where none is chosen yet. */
  apiVersion(): Promise<string>;
}

/** Above this many ids the whole listing is asked for: a URL has room for about as many, at 14 bytes each. */
const mostIdsInUrl = 400;
const defaultTimeLimitMs = 30_000;
const unknownJob = 2017;
/** Of a cancel: unknown id; already over; id and name do not belong together. None of ours is there. */
const nothingThere: ReadonlySet<number> = new Set([unknownJob, 2021, 2172]);

type Api = Client<paths, 'application/json'>;
interface Answer {
  readonly data?: unknown;
  readonly error?: unknown;
  readonly response: Response;
}
interface Common {
  readonly errors?: readonly SlurmFault[];
  readonly warnings?: readonly { readonly description?: string; readonly source?: string }[];
}

export function createSlurmClient(options: SlurmClientOptions): SlurmClient {
  const { url, user, log, timeLimitMs = defaultTimeLimitMs, fetch: fetchWith = fetch } = options;
  const apis = new Map<string, Api>();
  let chosen: string | null = options.apiVersion === 'auto' ? null : options.apiVersion;

  function apiOf(version: string): Api {
    const known = apis.get(version);
    if (known !== undefined) return known;
    const api = createClient<paths, 'application/json'>({
      baseUrl: `${url}/slurm/${version}`,
      fetch: (request) => fetchWith(request, { signal: AbortSignal.timeout(timeLimitMs) }),
    });
    api.use({
      onRequest({ request }) {
        request.headers.set('X-SLURM-USER-TOKEN', options.token());
        return request;
      },
    });
    apis.set(version, api);
    return api;
  }

  /** One try; Slurm's statement or a `SlurmError`. */
  async function attempt<T extends Common>(
    call: string,
    version: string,
    send: (api: Api) => Promise<Answer>,
  ): Promise<T> {
    const answer = await send(apiOf(version)).catch((cause: unknown) => {
      throw cause instanceof SyntaxError
        ? errorFromText(call, 200, 'not JSON')
        : errorFromFailure(call, url, cause);
    });
    const { status } = answer.response;
    const body = answer.data ?? answer.error;
    if (typeof body !== 'object' || body === null) throw errorFromText(call, status, String(body ?? ''));
    const { errors = [], warnings = [] } = body as Common;
    noteWarnings(call, warnings);
    if (errors.length > 0 || !answer.response.ok) throw errorFromFaults(call, status, errors);
    return body as T;
  }

  async function request<T extends Common>(call: string, send: (api: Api) => Promise<Answer>): Promise<T> {
    const version = chosen ?? (await choose());
    const token = options.token();
    try {
      return await attempt<T>(call, version, send);
    } catch (error) {
      if (!(error instanceof SlurmError)) throw error;
      // slurmrestd may have been upgraded under us, and no longer serve the version.
      if (error.kind === 'protocol' && options.apiVersion === 'auto') chosen = null;
      if (error.kind === 'auth' && options.token() !== token) return attempt<T>(call, version, send);
      throw error;
    }
  }

  /** `/ping/` of a version that is not served answers 404 in plain text; a bad token and a dead slurmctld answer 200. */
  async function choose(): Promise<string> {
    for (const version of apiVersions) {
      try {
        await attempt('GET /ping/', version, (api) => api.GET('/ping/'));
        chosen = version;
        return version;
      } catch (error) {
        if (!(error instanceof SlurmError) || error.kind !== 'protocol') throw error;
      }
    }
    throw new SlurmError(
      `slurmrestd at ${url} serves none of ${apiVersions.join(', ')}: check slurm.url, or use a Slurm that serves one of them.`,
      { kind: 'protocol', errorNumber: null, notCreated: true },
    );
  }

  /** An ignored field changes the job in silence: a defect of this client. */
  function noteWarnings(call: string, warnings: NonNullable<Common['warnings']>): void {
    for (const { description = '', source = '' } of warnings) {
      if (/Ignoring unknown field|Expected .* but got|[Uu]nexpected type/.test(description)) {
        log.error({ call, warning: description, source }, 'Slurm ignores a part of a request');
      } else if (!/Zero jobs|No job changes/i.test(description)) {
        log.warn({ call, warning: description, source }, 'Slurm warns');
      }
    }
  }

  async function kill(
    call: string,
    body: { jobs?: string[]; job_name: string; user_name: string },
  ): Promise<void> {
    // A filter without a name would cancel everything that the user has.
    if (body.job_name === '') throw new Error('A cancel needs a job name.');
    type Killed = Common & {
      readonly status?: readonly { readonly error?: { readonly code?: number; readonly message?: string } }[];
    };
    const { status = [] } = await request<Killed>(call, (api) => api.DELETE('/jobs/', { body })).catch(
      (error: unknown) => {
        if (error instanceof SlurmError && error.errorNumber !== null && nothingThere.has(error.errorNumber))
          return { status: [] };
        throw error;
      },
    );
    const failed = status.find(
      ({ error }) => (error?.code ?? 0) !== 0 && !nothingThere.has(error?.code ?? 0),
    );
    if (failed?.error !== undefined) {
      throw errorFromFaults(call, 200, [
        { error_number: failed.error.code ?? -1, error: failed.error.message ?? '' },
      ]);
    }
  }

  return {
    async submit(submit) {
      const call = 'POST /job/submit';
      const body = submitBody(submit);
      const answer = await request<Common & { readonly job_id?: number }>(call, (api) =>
        api.POST('/job/submit', { body }),
      );
      if (answer.job_id === undefined || answer.job_id <= 0)
        throw errorFromText(call, 200, 'no job id in the answer');
      return {
        id: answer.job_id,
        warnings: (answer.warnings ?? []).map(({ description = '' }) => description),
      };
    },

    async states(ids) {
      const call = 'GET /jobs/state/';
      // With nothing to ask for, one id still proves that slurmctld answers and takes the token.
      const wanted = new Set(ids.length === 0 ? [1] : ids);
      const query = wanted.size > mostIdsInUrl ? {} : { job_id: [...wanted].map(String) };
      type Listed = Common & {
        readonly jobs?: readonly { readonly job_id: string; readonly state: readonly string[] }[] | null;
      };
      const { jobs } = await request<Listed>(call, (api) => api.GET('/jobs/state/', { params: { query } }));
      if (!Array.isArray(jobs)) throw errorFromText(call, 200, 'no list of jobs in the answer');
      // Array tasks and het jobs ("4_1", "4+1") are never ours.
      return (jobs as NonNullable<Listed['jobs']>)
        .map(({ job_id, state }) => ({ id: Number(job_id), states: state }))
        .filter(({ id }) => ids.length > 0 && wanted.has(id));
    },

    async job(id) {
      type Found = Common & { readonly jobs?: readonly object[] };
      const found = await request<Found>('GET /job/{job_id}', (api) =>
        api.GET('/job/{job_id}', { params: { path: { job_id: String(id) } } }),
      ).catch((error: unknown) => {
        if (error instanceof SlurmError && error.errorNumber === unknownJob) return null;
        throw error;
      });
      const [job] = found?.jobs ?? [];
      return job === undefined ? null : parseJob(job);
    },

    async listJobs() {
      const call = 'GET /jobs/';
      type Listed = Common & { readonly jobs?: readonly object[] | null };
      const { jobs } = await request<Listed>(call, (api) => api.GET('/jobs/'));
      if (!Array.isArray(jobs)) throw errorFromText(call, 200, 'no list of jobs in the answer');
      return jobs.map(parseJob);
    },

    cancel: ({ id, name }) =>
      kill('DELETE /jobs/ by id and name', { jobs: [String(id)], job_name: name, user_name: user }),
    cancelByName: (name) => kill('DELETE /jobs/ by name', { job_name: name, user_name: user }),
    apiVersion: async () => chosen ?? choose(),
  };
}
