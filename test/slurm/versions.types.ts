/**
 * Held by the compiler: what the client sends and reads fits every version of the API, and both clients are what the
 * controller asks for. Nothing here runs.
 */
import type { GitHubPort } from '../../src/controller/ports.ts';
import type { WholeSlurm } from '../../src/controller/repair.ts';
import type { GitHubClient } from '../../src/github/create-github-client.ts';
import type { SlurmClient } from '../../src/slurm/create-slurm-client.ts';
import type { paths as V40 } from '../../src/slurm/generated/v0.0.40.gen.ts';
import type { paths as V41 } from '../../src/slurm/generated/v0.0.41.gen.ts';
import type { paths as V42 } from '../../src/slurm/generated/v0.0.42.gen.ts';
import type { submitBody } from '../../src/slurm/submit-body.ts';

type Is<A, B> = [A] extends [B] ? true : false;
/** Does not compile for anything but `true`. */
type Assert<T extends true> = T;

type BodyOf<Paths extends { '/job/submit': { post: unknown } }> = Paths['/job/submit']['post'] extends {
  requestBody?: { content: { 'application/json': infer Body } };
}
  ? Body
  : never;

/** The body names no field that the version does not know: `ignoring unknown field` is an error. */
type Unknown<Sent, Known> = Exclude<keyof Sent, keyof Known>;
type JobOf<Body> = Body extends { job?: infer Job } ? NonNullable<Job> : never;
type Sent = ReturnType<typeof submitBody>;

type Answer<Operation> = Operation extends {
  responses: { 200: { content: { 'application/json': infer Body } } };
}
  ? Body
  : never;
type QueryOf<Operation> = Operation extends { parameters: { query?: infer Query } }
  ? NonNullable<Query>
  : never;

/** What is read, as far as the description states it. */
interface Submitted {
  job_id?: number;
}
interface Listed {
  jobs?: { job_id: string; state: string[] }[] | null;
}

/** `true`, or the first thing that does not hold. */
type HoldsFor<Paths extends V40 | V41 | V42> =
  Is<Sent, BodyOf<Paths>> extends false
    ? 'the body does not fit'
    : Unknown<Sent, BodyOf<Paths>> extends never
      ? Unknown<Sent['job'], JobOf<BodyOf<Paths>>> extends never
        ? Is<Answer<Paths['/job/submit']['post']>, Submitted> extends false
          ? 'the answer to a submit is another'
          : Is<Answer<Paths['/jobs/state/']['get']>, Listed> extends false
            ? 'a state listing is another'
            : Is<'job_id', keyof QueryOf<Paths['/jobs/state/']['get']>> extends false
              ? 'a state listing takes no ids'
              : true
        : 'the job has a field that the version does not know'
      : 'the body has a field that the version does not know';

export type Held = [
  Assert<Is<SlurmClient, WholeSlurm>>,
  Assert<Is<GitHubClient, GitHubPort>>,
  Assert<HoldsFor<V40>>,
  Assert<HoldsFor<V41>>,
  Assert<HoldsFor<V42>>,
];
