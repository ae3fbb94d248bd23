/** What a Slurm job asks for when it starts, and what it may be told. */
export interface ClaimRequest {
  readonly slurmJobId: number;
  readonly node: string;
  /** How often Slurm has started the job again. */
  readonly restartCount: number;
  /** Where its runner is to work: an absolute path on the node. Default: in the runner's own folder. */
  readonly workFolder?: string | undefined;
  readonly took?: NodeTimes | undefined;
}

/** By the node's clock, in milliseconds; what is not known is undefined. */
export interface NodeTimes {
  /** Since the batch script began. */
  readonly elapsedMs?: number | undefined;
  /** From its beginning to its first claim. */
  readonly preparedMs?: number | undefined;
  /** Of that: until the image was there. */
  readonly imageMs?: number | undefined;
  /** Of that: until the job's dockerd answered, images preloaded. */
  readonly dockerMs?: number | undefined;
}

export type ClaimAnswer =
  | {
      readonly status: 200;
      readonly jitConfig: string;
      readonly runnerName: string;
      readonly eventToken: string;
      readonly idleTimeoutSeconds: number;
    }
  | { readonly status: 401 | 409 | 410; readonly message: string }
  | { readonly status: 503; readonly message: string; readonly retryAfterSeconds: number };
