/**
 * The typed client for slurmrestd: the only file that knows the generated types. One client serves every version of the
 * API, whose names are the same here; what is sent and read is held to each version by a type test.
 */
import createClient, { type Client } from 'openapi-fetch';
import type { Association, ClusterView } from '../domain/cluster.ts';
import { SlurmError } from '../domain/errors.ts';
import type { Profile } from '../domain/profile.ts';
import { type ApiOptions, Caller, type CallerOptions, type Common, type Send } from './caller.ts';
import { type CallKind, calls } from './calls.ts';
import { extraFaults } from './check-extra.ts';
import { errorFromFaults, errorFromText } from './classify-error.ts';
import { submitEncoder } from './encode-submit.ts';
import type { paths } from './generated/v0.0.42.gen.ts';
import { type Listing, listCluster } from './list-cluster.ts';
import { type AccountedJob, parseAccounting } from './parse-accounting.ts';
import { parseAssociations } from './parse-associations.ts';
import { parseJob, type SlurmJobDetail } from './parse-job.ts';
import { type SubmitRequest, submitBody } from './submit-body.ts';

export interface SlurmClientOptions extends CallerOptions {
  /** `slurm.user`: owner of the jobs that name nobody. */
  readonly user: string;
}

export interface SlurmJobRef {
  readonly id: number;
  readonly name: string;
  /** Whose job it is; null for `slurm.user`. */
  readonly user: string | null;
}

export interface SlurmClient {
  submit(request: SubmitRequest): Promise<{ readonly id: number; readonly warnings: readonly string[] }>;
  states(ids: readonly number[]): Promise<ReadonlyMap<number, readonly string[]>>;
  job(id: number, user: string | null): Promise<SlurmJobDetail | null>;
  /** Every job of everybody that Slurm still knows: megabytes on a large cluster, so for a comparison by hand only. */
  listJobs(user: string | null): Promise<readonly SlurmJobDetail[]>;
  setComment(job: SlurmJobRef, comment: string): Promise<boolean>;
  cancel(job: SlurmJobRef): Promise<void>;
  cancelByName(name: string, user: string | null): Promise<void>;
  /** What accounting has kept of these jobs, newest last; null where Slurm has none, or has none to ask. */
  accounting(ids: readonly number[], user: string | null): Promise<readonly AccountedJob[] | null>;
  /**
   * What the cluster has, as the user sees it: four listings, megabytes on a large one, so for a comparison by hand only. One that Slurm
   * denies is null.
   */
  cluster(user: string | null): Promise<ClusterView>;
  /** What accounting lets the user charge jobs to; null where Slurm has none, or has none to ask. */
  associations(user: string | null): Promise<readonly Association[] | null>;
  /** The version in use; looks for one first where none is chosen yet. */
  apiVersion(): Promise<string>;
}

/** Above this many ids the whole listing is asked for: a URL has room for about as many, at 14 bytes each. */
const mostIdsInUrl = 400;
const unknownJob = 2017;
/** Of a cancel: unknown id; already over; id and name do not belong together. None of ours is there. */
const nothingThere: ReadonlySet<number> = new Set([unknownJob, 2021, 2172]);
/** Of a change: unknown id; already over, in two ways to say it. */
const nothingToChange: ReadonlySet<number> = new Set([unknownJob, 2021, 2084]);

const oneJob = { params: { query: { job_id: ['1'] } } };
/** With partitions that are hidden, or not for this user, and their nodes. */
const withHidden = { params: { query: { flags: 'ALL' as const } } };

/** slurmrestd can't reach slurmdbd, or there is none; it says the same to a token that slurmdbd refuses. */
const noDatabase = 7000;

type Api = Client<paths, 'application/json'>;
/** In the types `/slurmdb` stands where it does in a URL, with the version behind it. */
type AccountingPaths = {
  [Path in keyof paths as Path extends `/slurmdb${infer Rest}` ? Rest : never]: paths[Path];
};
type AccountingApi = Api & { readonly accounting: () => Client<AccountingPaths, 'application/json'> };

/** A redirect is not followed: a submit would be sent twice, and the token to somebody else. */
const clientOptions = ({ endpoint, token, signal }: ApiOptions) => ({
  headers: { 'X-SLURM-USER-TOKEN': token },
  redirect: 'manual' as const,
  signal,
  fetch: endpoint.fetch,
  Request: endpoint.Request,
});

const apiOf = (options: ApiOptions): Api =>
  createClient<paths, 'application/json'>({
    ...clientOptions(options),
    baseUrl: `${options.endpoint.baseUrl}/slurm/${options.version}`,
  });

const accountingApiOf = (options: ApiOptions): AccountingApi => ({
  ...apiOf(options),
  accounting: () =>
    createClient<AccountingPaths, 'application/json'>({
      ...clientOptions(options),
      baseUrl: `${options.endpoint.baseUrl}/slurmdb/${options.version}`,
    }),
});

export function createSlurmClient({ user: ownUser, ...options }: SlurmClientOptions): SlurmClient {
  const caller = new Caller<Api>(options, apiOf, (api) => api.GET('/ping/'));
  // One of its own: a slurmdbd in trouble says nothing of slurmctld, and must not hold up a call to it.
  const accounting = new Caller<AccountingApi>(options, accountingApiOf, (api) => api.GET('/ping/'));

  const encode = submitEncoder();

  async function kill(
    kind: CallKind,
    jobs: { readonly jobs?: string[] },
    { name, user }: { readonly name: string; readonly user: string | null },
  ): Promise<void> {
    // A filter without a name would cancel everything that the user has.
    if (name === '') throw new Error('A cancel needs a job name.');
    const body = { ...jobs, job_name: name, user_name: user ?? ownUser };
    type Killed = Common & {
      readonly status?: readonly { readonly error?: { readonly code?: number; readonly message?: string } }[];
    };
    const { status = [] } = await caller
      .call<Killed>(kind, (api) => api.DELETE('/jobs/', { body }), user)
      .catch((error: unknown) => {
        if (error instanceof SlurmError && error.errorNumber !== null && nothingThere.has(error.errorNumber))
          return { status: [] };
        throw error;
      });
    const failed = status.find(
      ({ error }) => (error?.code ?? 0) !== 0 && !nothingThere.has(error?.code ?? 0),
    );
    if (failed?.error !== undefined) {
      throw errorFromFaults(kind.name, 200, [
        { error_number: failed.error.code ?? -1, error: failed.error.message ?? '' },
      ]);
    }
  }

  /** slurmrestd ignores what it does not know, and submits without it. @throws SlurmError: nothing was sent. */
  async function refuseUnknownFields({ name, extra }: Profile, version: string): Promise<void> {
    if (extra === undefined) return;
    const faults = await extraFaults(version, extra);
    if (faults.length === 0) return;
    throw new SlurmError(
      `profiles.${name}.extra does not fit Slurm's API ${version} (${faults.join('; ')}): mend the profile.`,
      { kind: 'refused', errorNumber: null, notCreated: true },
    );
  }

  /** Null where there is no accounting. */
  function askAccounting<T extends Common>(
    kind: CallKind,
    send: Send<AccountingApi>,
    user: string | null,
  ): Promise<T | null> {
    return accounting.call<T>(kind, send, user).catch((error: unknown) => {
      // Without its plugin slurmrestd does not know the request.
      if (error instanceof SlurmError && (error.errorNumber === noDatabase || error.kind === 'protocol'))
        return null;
      throw error;
    });
  }

  return {
    async submit(submit) {
      const body = submitBody(submit);
      type Submitted = Common & { readonly job_id?: number };
      const answer = await caller.call<Submitted>(
        calls.submit,
        async (api, version) => {
          await refuseUnknownFields(submit.profile, version);
          return api.POST('/job/submit', { body, bodySerializer: () => encode(body) });
        },
        submit.user,
      );
      if (answer.job_id === undefined || answer.job_id <= 0)
        throw errorFromText(calls.submit.name, 200, 'no job id in the answer');
      return {
        id: answer.job_id,
        warnings: (answer.warnings ?? []).map(({ description = '' }) => description),
      };
    },

    async states(ids) {
      // With nothing to ask for, one id still proves that slurmctld answers and takes the token.
      const wanted = new Set(ids.length === 0 ? [1] : ids);
      const query = wanted.size > mostIdsInUrl ? {} : { job_id: [...wanted].map(String) };
      type Listed = Common & {
        readonly jobs?: readonly { readonly job_id: string; readonly state: readonly string[] }[] | null;
      };
      const { jobs } = await caller.call<Listed>(calls.states, (api) =>
        api.GET('/jobs/state/', { params: { query } }),
      );
      if (!Array.isArray(jobs)) throw errorFromText(calls.states.name, 200, 'no list of jobs in the answer');
      // Array tasks and het jobs ("4_1", "4+1") are never ours.
      const found = new Map<number, readonly string[]>();
      if (ids.length === 0) return found;
      for (const { job_id, state } of jobs as NonNullable<Listed['jobs']>) {
        const id = Number(job_id);
        if (wanted.has(id)) found.set(id, state);
      }
      return found;
    },

    async job(id, user) {
      type Found = Common & { readonly jobs?: readonly object[] };
      const found = await caller
        .call<Found>(
          calls.job,
          (api) => api.GET('/job/{job_id}', { params: { path: { job_id: String(id) } } }),
          user,
        )
        .catch((error: unknown) => {
          if (error instanceof SlurmError && error.errorNumber === unknownJob) return null;
          throw error;
        });
      const [job] = found?.jobs ?? [];
      return job === undefined ? null : parseJob(job);
    },

    async listJobs(user) {
      type Listed = Common & { readonly jobs?: readonly object[] | null };
      const { jobs } = await caller.call<Listed>(calls.listJobs, (api) => api.GET('/jobs/'), user);
      if (!Array.isArray(jobs))
        throw errorFromText(calls.listJobs.name, 200, 'no list of jobs in the answer');
      return jobs.map(parseJob);
    },

    async accounting(ids, user) {
      type Kept = Common & { readonly jobs?: readonly object[] | null };
      const query = { step: ids.map(String), show_duplicates: 'true' };
      const kept = await askAccounting<Kept>(
        calls.accounting,
        (api) => api.accounting().GET('/jobs/', { params: { query } }),
        user,
      );
      if (kept === null) return null;
      if (!Array.isArray(kept.jobs))
        throw errorFromText(calls.accounting.name, 200, 'no list of jobs in the answer');
      return parseAccounting(kept.jobs);
    },

    async cluster(user) {
      // Whether Slurm answers, and takes the token: a listing alone does not tell trouble from a denial.
      await caller.call(calls.states, (api) => api.GET('/jobs/state/', oneJob), user);
      const ask = (send: Send<Api>) => () => caller.call<Listing>(calls.cluster, send, user);
      return listCluster({
        partitions: ask((api) => api.GET('/partitions/', withHidden)),
        nodes: ask((api) => api.GET('/nodes/', withHidden)),
        reservations: ask((api) => api.GET('/reservations/')),
        licenses: ask((api) => api.GET('/licenses/')),
      });
    },

    async associations(user) {
      type Kept = Common & {
        readonly associations?: readonly object[] | null;
        readonly meta?: { readonly slurm?: { readonly cluster?: string } };
      };
      const query = { user: user ?? ownUser };
      const kept = await askAccounting<Kept>(
        calls.associations,
        (api) => api.accounting().GET('/associations/', { params: { query } }),
        user,
      );
      if (kept === null) return null;
      if (!Array.isArray(kept.associations))
        throw errorFromText(calls.associations.name, 200, 'no list of associations in the answer');
      return parseAssociations(kept.associations, kept.meta?.slurm?.cluster ?? null);
    },

    async setComment({ id, user }, comment) {
      const params = { path: { job_id: String(id) } };
      type Changed = Common & { readonly results?: readonly { readonly error_code?: number }[] | null };
      try {
        const { results } = await caller.call<Changed>(
          calls.comment,
          (api) => api.POST('/job/{job_id}', { params, body: { comment } }),
          user,
        );
        const code = results?.find(({ error_code = 0 }) => error_code !== 0)?.error_code ?? 0;
        if (code !== 0 && !nothingToChange.has(code))
          throw errorFromFaults(calls.comment.name, 200, [{ error_number: code, error: '' }]);
        return code === 0;
      } catch (error) {
        if (error instanceof SlurmError && nothingToChange.has(error.errorNumber ?? 0)) return false;
        throw error;
      }
    },

    cancel: ({ id, ...job }) => kill(calls.cancel, { jobs: [String(id)] }, job),
    cancelByName: (name, user) => kill(calls.cancelByName, {}, { name, user }),
    apiVersion: () => caller.version(),
  };
}
