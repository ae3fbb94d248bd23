/**
 * What a failed call means, decided on Slurm's `error_number` and never on the HTTP status or the text: both change with
 * the release under the same API version.
 */
import { messageOf, OperatorError, SlurmError, type SlurmErrorKind } from '../domain/errors.ts';
import { NotConnectedError } from './not-connected-error.ts';

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

/**
 * For an answer with `errors[]`.
 * @param jobId of the same answer: v0.0.42 and later may state an error, and have made the job.
 */
export function errorFromFaults(
  call: string,
  status: number,
  faults: readonly SlurmFault[],
  jobId = 0,
): SlurmError {
  const fault =
    faults.find(({ error_number }) => error_number !== undefined && error_number !== 0) ?? faults[0] ?? {};
  const errorNumber = fault.error_number ?? null;
  const { kind, notCreated, advice } = errorNumber === null || jobId > 0 ? inTrouble : meaningOf(errorNumber);
  const words = [fault.error, fault.description]
    .filter((text) => text !== undefined && text !== '')
    .join(': ');
  return new SlurmError(
    `${advice} (${call}: ${words || 'no reason given'}, error ${errorNumber ?? 'unknown'}, status ${status}).`,
    { kind, errorNumber, notCreated },
  );
}

/** Statuses that slurmrestd gives in plain text, before it has routed the request to anything. */
const beforeRouting: ReadonlySet<number> = new Set([400, 404, 405, 415]);

/** For an answer that is not Slurm's JSON: a plain text of slurmrestd, or a page of a proxy in front of it. */
export function errorFromText(call: string, status: number, text: string): SlurmError {
  const page = text.trimStart().startsWith('<');
  const title = /<title>\s*(.*?)\s*<\/title>/is.exec(text)?.[1];
  const words = (page ? (title ?? '') : (text.trim().split('\n')[0] ?? '')).slice(0, 120);
  const said = `(${call}: status ${status}${words === '' ? '' : `, "${words}"`})`;
  const fromProxy = page || (status >= 300 && status < 400);
  const without = (meaning: Omit<Meaning, 'advice'>) => ({ ...meaning, errorNumber: null, fromProxy });
  if (status === 401) {
    const who = page
      ? 'A proxy in front of slurmrestd asks for another authentication'
      : authentication.advice;
    return new SlurmError(`${who} ${said}.`, without(authentication));
  }
  if (beforeRouting.has(status) || (status >= 300 && status < 400)) {
    const who = fromProxy
      ? 'A proxy answers, and does not pass this on to slurmrestd'
      : 'slurmrestd does not know this request';
    return new SlurmError(
      `${who} ${said}: check slurm.url and slurm.apiVersion.`,
      without({ kind: 'protocol', notCreated: true }),
    );
  }
  const advice = page
    ? 'A proxy in front of slurmrestd answers in its place: see that it reaches slurmrestd, and that slurmrestd runs'
    : inTrouble.advice;
  return new SlurmError(`${advice} ${said}.`, without(inTrouble));
}

const ofTls = /CERT|SSL|TLS|SIGNATURE|ISSUER|EPROTO/;
const ofFiles =
  'see that slurm.caFile is the CA of its certificate, and that slurm.certFile and slurm.keyFile are what it asks for';

/** For a call without an answer. Only where no connection came about it certainly did nothing. */
export function errorFromFailure(call: string, url: string, cause: unknown): SlurmError {
  const notConnected = findCause(cause, (error) => error instanceof NotConnectedError);
  const late = findCause(cause, ({ name }) => name === 'TimeoutError') !== undefined;
  const code = codeOf(cause);
  const what = late ? 'no answer in time' : (code ?? String(cause));
  const dropped = notConnected === undefined && !late && url.startsWith('https:');
  const advice =
    code !== undefined && ofTls.test(code)
      ? ofFiles
      : dropped
        ? 'see that it runs, and that slurm.certFile and slurm.keyFile are there where it asks for a client certificate'
        : 'see that it runs and that slurm.url is right';
  // A file of ours that can't be read has a sentence of its own.
  const own = notConnected?.cause instanceof OperatorError ? notConnected.cause.message : null;
  const words = own === null ? `${what}): ${advice}` : `not tried): ${own}`;
  return new SlurmError(`slurmrestd at ${url} can not be reached (${call}: ${words}.`, {
    kind: 'unavailable',
    errorNumber: null,
    notCreated: notConnected !== undefined,
    cause,
  });
}

/** Where no token could be had, nothing was sent. */
export function errorFromToken(call: string, cause: unknown): SlurmError {
  const words = messageOf(cause);
  return new SlurmError(`There is no token for Slurm (${call}): ${words}`, {
    ...authentication,
    errorNumber: null,
    cause,
  });
}

function codeOf(error: unknown): string | undefined {
  const found = findCause(error, (one) => 'code' in one && typeof one.code === 'string');
  return (found as { readonly code?: string } | undefined)?.code;
}

function findCause(error: unknown, wanted: (error: Error) => boolean): Error | undefined {
  if (!(error instanceof Error)) return undefined;
  return wanted(error) ? error : findCause(error.cause, wanted);
}
