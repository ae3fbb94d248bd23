/**
 * What a failed call means, decided on Slurm's `error_number` and never on the HTTP status or the text: both change with
 * the release under the same API version.
 */
import { SlurmError, type SlurmErrorKind } from '../domain/errors.ts';

export interface SlurmFault {
  readonly error_number?: number;
  readonly error?: string;
  readonly description?: string;
}

interface Meaning {
  readonly kind: SlurmErrorKind;
  readonly notCreated: boolean;
  readonly advice: string;
}

const authentication: Meaning = {
  kind: 'auth',
  notCreated: true,
  advice: 'Slurm refuses the token: put a valid one for slurm.user in slurm.token',
};
const notReached: Meaning = {
  kind: 'unavailable',
  notCreated: true,
  advice: 'slurmrestd can not reach slurmctld: see that slurmctld runs',
};
const inTrouble: Meaning = {
  kind: 'unavailable',
  notCreated: false,
  advice: 'Slurm is in trouble: look at the logs of slurmctld and slurmrestd',
};
const refused: Meaning = { kind: 'refused', notCreated: true, advice: 'Slurm refuses the request' };

/** 1007 and 1800: nothing reached slurmctld. 2000 to 2999 and 9000: it understood, and said no. All else is in doubt. */
function meaningOf(errorNumber: number): Meaning {
  if (errorNumber === 1007) return authentication;
  if (errorNumber === 1800) return notReached;
  if ((errorNumber >= 2000 && errorNumber < 3000) || errorNumber === 9000) return refused;
  return inTrouble;
}

/** For an answer with `errors[]`. */
export function errorFromFaults(call: string, status: number, faults: readonly SlurmFault[]): SlurmError {
  const fault =
    faults.find(({ error_number }) => error_number !== undefined && error_number !== 0) ?? faults[0] ?? {};
  const errorNumber = fault.error_number ?? null;
  const { kind, notCreated, advice } = errorNumber === null ? inTrouble : meaningOf(errorNumber);
  const words = [fault.error, fault.description]
    .filter((text) => text !== undefined && text !== '')
    .join(': ');
  return new SlurmError(
    `${advice} (${call}: ${words || 'no reason given'}, error ${errorNumber ?? 'unknown'}, status ${status}).`,
    {
      kind,
      errorNumber,
      notCreated,
    },
  );
}

/** Statuses that slurmrestd gives in plain text, before it has routed the request to anything. */
const beforeRouting: ReadonlySet<number> = new Set([400, 404, 405, 415]);

/** For an answer that is not Slurm's JSON: a plain text of slurmrestd, or a page of a proxy. */
export function errorFromText(call: string, status: number, text: string): SlurmError {
  const words = text.trim().split('\n')[0]?.slice(0, 120) ?? '';
  if (status === 401) {
    return new SlurmError(`${authentication.advice} (${call}: status 401).`, {
      ...authentication,
      errorNumber: null,
    });
  }
  if (beforeRouting.has(status)) {
    const message = `slurmrestd does not know this request (${call}: status ${status}, "${words}"): check slurm.url and slurm.apiVersion.`;
    return new SlurmError(message, { kind: 'protocol', errorNumber: null, notCreated: true });
  }
  return new SlurmError(`${inTrouble.advice} (${call}: status ${status}, "${words}").`, {
    ...inTrouble,
    errorNumber: null,
  });
}

/** For a call without an answer. A refused connection is the only one of these that certainly did nothing. */
export function errorFromFailure(call: string, url: string, cause: unknown): SlurmError {
  const code = codeOf(cause);
  const neverSent =
    code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'ENOENT';
  const what =
    cause instanceof Error && cause.name === 'TimeoutError' ? 'no answer in time' : (code ?? String(cause));
  return new SlurmError(
    `slurmrestd at ${url} can not be reached (${call}: ${what}): see that it runs and that slurm.url is right.`,
    {
      kind: 'unavailable',
      errorNumber: null,
      notCreated: neverSent,
      cause,
    },
  );
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return codeOf(error.cause);
}
