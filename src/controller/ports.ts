/**
 * What the controller needs of the two sides, declared where it is used. `src/slurm` and `src/github` implement
 * these without knowing of each other; tests hand in others.
 *
 * Every call has a time limit of its own and rejects with a typed error from `src/domain/errors.ts`.
 */
import type { Profile } from '../domain/profile.ts';
import type { WorkflowJob } from '../domain/workflow-job.ts';

export interface SubmitRequest {
  /** `gha-<instance>-<allocation>`: the only key that Slurm always keeps. */
  readonly name: string;
  /** Whose job it is; null for `slurm.user`. */
  readonly user: string | null;
  readonly profile: Profile;
  /** The batch script; the same text for every allocation. */
  readonly script: string;
  /** The whole environment of the batch job, apart from SLURM_*. */
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  /** Where stdout and stderr go; `%j` as in sbatch. */
  readonly output: string;
  /** Seconds before the time limit at which the batch shell gets TERM. */
  readonly timeLimitWarningSeconds: number;
}

export interface SlurmJobRef {
  readonly id: number;
  readonly name: string;
  /** Whose job it is; null for `slurm.user`. */
  readonly user: string | null;
}

export interface SlurmJobDetail extends SlurmJobRef {
  readonly states: readonly string[];
  /** Why it waits, as Slurm words it (`Resources`, `PartitionTimeLimit`, …); null when it does not. */
  readonly reason: string | null;
  /** Milliseconds since the Unix epoch; null when Slurm does not say. */
  readonly expectedStartMs: number | null;
  readonly node: string | null;
  readonly exitCode: number | null;
  /** Empty when it has none. */
  readonly comment: string;
}

/** A job in Slurm's accounting, which keeps it longer than slurmctld does. */
export interface AccountedJob extends SlurmJobRef {
  readonly states: readonly string[];
  readonly node: string | null;
  readonly exitCode: number | null;
  /** Of its greatest step; null where nothing was sampled. */
  readonly peakMemoryMiB: number | null;
}

export interface SlurmPort {
  /**
   * One submit. @returns the job id and Slurm's warnings.
   * @throws SlurmError: `notCreated` is true only where Slurm certainly has no such job.
   */
  submit(request: SubmitRequest): Promise<{ readonly id: number; readonly warnings: readonly string[] }>;
  /** Base state and flags of these jobs by id, as Slurm words them, in one call whatever their number; jobs that Slurm no longer has are absent. */
  states(ids: readonly number[]): Promise<ReadonlyMap<number, readonly string[]>>;
  /**
   * One job, or null when Slurm answers that it knows no such id (2017). Asked as its user, null for `slurm.user`: with
   * `PrivateData=jobs` Slurm says 2017 of the jobs of others, too, although `states` lists them (24.11, 26.05).
   */
  job(id: number, user: string | null): Promise<SlurmJobDetail | null>;
  /**
   * What accounting has kept of these jobs, in one call, newest last: an id may stand for several. What accounting has not heard
   * of yet is absent, and with slurmdbd's `PrivateData=jobs` what is another user's. Null where there is no accounting, or none that slurmrestd reaches.
   */
  accounting(ids: readonly number[], user: string | null): Promise<readonly AccountedJob[] | null>;
  /** Sets the comment of a job that is not over, 1,024 bytes at most; false where Slurm knows no such job, or it is over. */
  setComment(job: SlurmJobRef, comment: string): Promise<boolean>;
  /** Cancels by id and name, anded by Slurm, so that a reused id is spared. Ended or unknown is success. */
  cancel(job: SlurmJobRef): Promise<void>;
  /** Cancels whatever of the user's carries this name, pending or running; null for `slurm.user`. */
  cancelByName(name: string, user: string | null): Promise<void>;
}

export interface RepositoryObservation {
  readonly repository: string;
  /** Jobs of live runs, every page; jobs of earlier attempts that are over may be absent. */
  readonly jobs: readonly WorkflowJob[];
  /** Runs seen that are not completed, and runs that have just completed. */
  readonly runs: readonly { readonly id: number; readonly completed: boolean }[];
  /** Known jobs that answered 404 when asked for by id. */
  readonly missingJobIds: readonly number[];
}

export interface KnownWork {
  /** Runs that were live when last seen: followed by id until completed. */
  readonly runIds: readonly number[];
  /** Jobs not yet over when last seen, with the run each belongs to. */
  readonly openJobs: readonly { readonly id: number; readonly runId: number }[];
}

export interface RegisteredRunner {
  readonly id: number;
  readonly name: string;
  readonly online: boolean;
  readonly busy: boolean;
  readonly labels: readonly string[];
}

export type DeregisterResult = 'gone' | 'busy';

export interface GitHubPort {
  /** Everything the repository has to do for us; rejects when any part of it could not be read. */
  observe(repository: string, known: KnownWork): Promise<RepositoryObservation>;
  /**
   * Mints one just-in-time runner. Never retried by itself: its answer can be lost after it took effect.
   * @throws GitHubError: `notCreated` is true only where GitHub certainly registered nothing.
   */
  mint(
    repository: string,
    request: {
      readonly name: string;
      readonly labels: readonly string[];
      /** Default: `_work`, in the runner's own folder. */
      readonly workFolder?: string | undefined;
    },
  ): Promise<{ readonly runnerId: number; readonly jitConfig: string }>;
  /** 204 and 404 are `gone`, 422 is `busy`. Looks the id up by name where it is not known. */
  deregister(
    repository: string,
    runner: { readonly id: number | null; readonly name: string },
  ): Promise<DeregisterResult>;
  /** The runners of the scope. One that is registered may be absent, where others came and left meanwhile: an absence proves nothing. */
  runners(repository: string): Promise<readonly RegisteredRunner[]>;
  /** The runner of this name; null when GitHub has none. */
  runner(repository: string, name: string): Promise<RegisteredRunner | null>;
  /**
   * To be asked once after each poll of all repositories: how long to wait until the next one, so that the rate budget lasts; at
   * least `leastMs`.
   */
  pollDelayMs(leastMs: number): number;
  /** What the last answer said of the primary limit; null where GitHub states none (GHES). */
  rateLimit(): { readonly limit: number; readonly remaining: number; readonly resetAtMs: number } | null;
}
