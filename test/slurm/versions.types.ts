/**
 * Held by the compiler: what the client sends and reads fits every version of the API, and both clients are what the
 * controller asks for. Nothing here runs.
 */
import type { GitHubPort } from '../../src/controller/ports.ts';
import type { WholeSlurm } from '../../src/controller/repair.ts';
import type { GitHubClient } from '../../src/github/create-github-client.ts';
import type { ApiVersion } from '../../src/slurm/api-versions.ts';
import type { SlurmClient } from '../../src/slurm/create-slurm-client.ts';
import type { paths as V40 } from '../../src/slurm/generated/v0.0.40.gen.ts';
import type { paths as V41 } from '../../src/slurm/generated/v0.0.41.gen.ts';
import type { paths as V42 } from '../../src/slurm/generated/v0.0.42.gen.ts';
import type { paths as V43 } from '../../src/slurm/generated/v0.0.43.gen.ts';
import type { paths as V44 } from '../../src/slurm/generated/v0.0.44.gen.ts';
import type { paths as V45 } from '../../src/slurm/generated/v0.0.45.gen.ts';
import type { submitBody } from '../../src/slurm/submit-body.ts';

type Is<A, B> = [A] extends [B] ? true : false;
/** Does not compile for anything but `true`. */
type Assert<T extends true> = T;

type BodyOf<Operation> = Operation extends {
  requestBody?: { content: { 'application/json': infer Body } };
}
  ? Body
  : never;
type AnswerOf<Operation> = Operation extends {
  responses: { 200: { content: { 'application/json': infer Body } } };
}
  ? Body
  : never;
type QueryOf<Operation> = Operation extends { parameters: { query?: infer Query } }
  ? NonNullable<Query>
  : never;

/** The body names no field that the version does not know: `ignoring unknown field` is an error. */
type Unknown<Sent, Known> = Exclude<keyof Sent, keyof Known>;
type JobOf<Body> = Body extends { job?: infer Job } ? NonNullable<Job> : never;
type Sent = ReturnType<typeof submitBody>;
interface SentCancel {
  jobs?: string[];
  job_name: string;
  user_name: string;
}

/** What is read, as far as the description states it. */
interface Common {
  errors?: { error_number?: number; error?: string; description?: string }[];
  warnings?: { description?: string; source?: string }[];
}
interface Submitted extends Common {
  job_id?: number;
}
interface Listed extends Common {
  jobs?: { job_id: string; state: string[] }[] | null;
}
interface Cancelled extends Common {
  status?: { error?: { code?: number; message?: string } }[];
}
interface Changed extends Common {
  results?: { error_code?: number }[] | null;
}
interface NumberOrNone {
  set?: boolean;
  infinite?: boolean;
  number?: number;
}
interface Detailed extends Common {
  jobs: {
    job_id?: number;
    name?: string;
    job_state?: string[];
    state_reason?: string;
    start_time?: NumberOrNone;
    nodes?: string;
    exit_code?: { return_code?: NumberOrNone };
    comment?: string;
  }[];
}

interface Accounted extends Common {
  jobs: {
    job_id?: number;
    name?: string;
    user?: string;
    state?: { current?: string[] };
    nodes?: string;
    exit_code?: { return_code?: NumberOrNone };
    time?: { submission?: number; start?: number };
    steps?: { tres?: { requested?: { max?: { type?: string; count?: number }[] } } }[];
  }[];
}

/** Fields of a listing's records that are read. */
type ItemOf<Answer, Field extends string> =
  Answer extends Record<Field, readonly (infer Item)[]> ? Item : never;
type Read = {
  partitions: 'name' | 'partition' | 'maximums' | 'minimums' | 'accounts' | 'qos' | 'groups' | 'nodes';
  nodes:
    | 'name'
    | 'partitions'
    | 'cpus'
    | 'effective_cpus'
    | 'real_memory'
    | 'specialized_memory'
    | 'temporary_disk'
    | 'features'
    | 'gres'
    | 'state';
  reservations: 'name';
  licenses: 'LicenseName' | 'Total';
  associations: 'account' | 'cluster' | 'partition' | 'is_default' | 'qos';
};

/** `true`, or what does not hold. */
type HoldsFor<Paths extends V40 | V41 | V42 | V43 | V44 | V45> = Held<{
  'the body fits': Is<Sent, BodyOf<Paths['/job/submit']['post']>>;
  'the body has no unknown field': Is<Unknown<Sent, BodyOf<Paths['/job/submit']['post']>>, never>;
  'the job has no unknown field': Is<
    Unknown<Sent['job'], JobOf<BodyOf<Paths['/job/submit']['post']>>>,
    never
  >;
  'the answer to a submit': Is<AnswerOf<Paths['/job/submit']['post']>, Submitted>;
  'a state listing': Is<AnswerOf<Paths['/jobs/state/']['get']>, Listed>;
  'a state listing takes ids': Is<'job_id', keyof QueryOf<Paths['/jobs/state/']['get']>>;
  'a job': Is<AnswerOf<Paths['/job/{job_id}']['get']>, Detailed>;
  'all jobs': Is<AnswerOf<Paths['/jobs/']['get']>, Detailed>;
  'records of accounting': Is<AnswerOf<Paths['/slurmdb/jobs/']['get']>, Accounted>;
  'records take ids': Is<
    { step: string[]; show_duplicates: string },
    QueryOf<Paths['/slurmdb/jobs/']['get']>
  >;
  partitions: Is<Read['partitions'], keyof ItemOf<AnswerOf<Paths['/partitions/']['get']>, 'partitions'>>;
  nodes: Is<Read['nodes'], keyof ItemOf<AnswerOf<Paths['/nodes/']['get']>, 'nodes'>>;
  'partitions and nodes are listed with what is hidden': Is<
    { flags: 'ALL' },
    QueryOf<Paths['/partitions/']['get']> & QueryOf<Paths['/nodes/']['get']>
  >;
  reservations: Is<
    Read['reservations'],
    keyof ItemOf<AnswerOf<Paths['/reservations/']['get']>, 'reservations'>
  >;
  licenses: Is<Read['licenses'], keyof ItemOf<AnswerOf<Paths['/licenses/']['get']>, 'licenses'>>;
  associations: Is<
    Read['associations'],
    keyof ItemOf<AnswerOf<Paths['/slurmdb/associations/']['get']>, 'associations'>
  >;
  'associations of a user': Is<{ user: string }, QueryOf<Paths['/slurmdb/associations/']['get']>>;
  'the body of a cancel fits': Is<SentCancel, BodyOf<Paths['/jobs/']['delete']>>;
  'a cancel has no unknown field': Is<Unknown<SentCancel, BodyOf<Paths['/jobs/']['delete']>>, never>;
  'the body of a change fits': Is<{ comment: string }, BodyOf<Paths['/job/{job_id}']['post']>>;
  'a change has no unknown field': Is<
    Unknown<{ comment: string }, BodyOf<Paths['/job/{job_id}']['post']>>,
    never
  >;
  'the answer to a change': Is<AnswerOf<Paths['/job/{job_id}']['post']>, Changed>;
  'the answer to a cancel': Is<AnswerOf<Paths['/jobs/']['delete']>, Cancelled>;
}>;
type Held<Facts> = {
  [Fact in keyof Facts]: Facts[Fact] extends true ? never : Fact;
}[keyof Facts] extends never
  ? true
  : { [Fact in keyof Facts]: Facts[Fact] extends true ? never : Fact }[keyof Facts];

/** A type test that accepts everything shows nothing: these do not hold, and are seen not to. */
export type NotHeld = [
  // @ts-expect-error a field that no version knows
  Assert<Is<Unknown<{ partitio: string }, JobOf<BodyOf<V45['/job/submit']['post']>>>, never>>,
  // @ts-expect-error a field that v0.0.45 has dropped
  Assert<Is<Unknown<{ power_flags: string[] }, JobOf<BodyOf<V45['/job/submit']['post']>>>, never>>,
];

/** Every version that the client chooses among is held. */
interface Versions {
  'v0.0.40': HoldsFor<V40>;
  'v0.0.41': HoldsFor<V41>;
  'v0.0.42': HoldsFor<V42>;
  'v0.0.43': HoldsFor<V43>;
  'v0.0.44': HoldsFor<V44>;
  'v0.0.45': HoldsFor<V45>;
}

export type AllHeld = [
  // Read where it is there.
  Assert<Is<'flags', keyof ItemOf<AnswerOf<V45['/partitions/']['get']>, 'partitions'>>>,
  Assert<Is<SlurmClient, WholeSlurm>>,
  Assert<Is<GitHubClient, GitHubPort>>,
  Assert<Is<Versions[ApiVersion], true>>,
  Assert<Is<keyof Versions, ApiVersion>>,
];
