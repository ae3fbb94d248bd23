/**
 * Failures that callers decide on. They are told apart by class and fields, never by text; the message is a sentence
 * for the operator that says what to do.
 */

/** Anything that an operator must read; `cause` keeps the original. */
export class OperatorError extends Error {
  override readonly name: string = 'OperatorError';
  /** Exit status in the manner of sysexits(3). */
  readonly exitCode: number;
  constructor(message: string, exitCode = 1, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** EX_USAGE of sysexits(3). */
export const exitUsage = 64;
/** EX_CONFIG of sysexits(3). */
export const exitConfig = 78;
/** EX_UNAVAILABLE of sysexits(3). */
export const exitUnavailable = 69;

export type SlurmErrorKind =
  /** The token was refused: 511 with 1007, or 401. */
  | 'auth'
  /** slurmrestd or slurmctld can't be reached, or is in trouble. */
  | 'unavailable'
  /** Slurm understood and said no; trying the same again gives the same. */
  | 'refused'
  /** Slurm answered something that this client does not understand. */
  | 'protocol';

export class SlurmError extends Error {
  override readonly name = 'SlurmError';
  readonly kind: SlurmErrorKind;
  /** Slurm's `error_number`; null where the answer had none. */
  readonly errorNumber: number | null;
  /** True only where Slurm certainly did not create a job; false is "in doubt". */
  readonly notCreated: boolean;
  /** Something in front of slurmrestd has answered in its place. */
  readonly fromProxy: boolean;
  constructor(
    message: string,
    fields: {
      kind: SlurmErrorKind;
      errorNumber: number | null;
      notCreated: boolean;
      fromProxy?: boolean;
      cause?: unknown;
    },
  ) {
    super(message, { cause: fields.cause });
    this.kind = fields.kind;
    this.errorNumber = fields.errorNumber;
    this.notCreated = fields.notCreated;
    this.fromProxy = fields.fromProxy ?? false;
  }
}

export type GitHubErrorKind =
  /** 401: the token is wrong or has expired. */
  | 'auth'
  /** 403 or 404 on something configured: no permission, or it is not there. */
  | 'forbidden'
  /** Primary or secondary limit; `retryAfterMs` says how long. */
  | 'rate-limited'
  /** 409: a runner of that name exists. */
  | 'conflict'
  /** 422 and other statements that the request is wrong. */
  | 'refused'
  /** No answer, a 5xx, a proxy's page. */
  | 'unavailable';

export class GitHubError extends Error {
  override readonly name = 'GitHubError';
  readonly kind: GitHubErrorKind;
  readonly status: number | null;
  readonly notCreated: boolean;
  readonly retryAfterMs: number | null;
  constructor(
    message: string,
    fields: {
      kind: GitHubErrorKind;
      status: number | null;
      notCreated: boolean;
      retryAfterMs?: number | null;
      cause?: unknown;
    },
  ) {
    super(message, { cause: fields.cause });
    this.kind = fields.kind;
    this.status = fields.status;
    this.notCreated = fields.notCreated;
    this.retryAfterMs = fields.retryAfterMs ?? null;
  }
}

/** What it says, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
