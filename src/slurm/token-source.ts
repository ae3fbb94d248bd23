import { OperatorError } from '../domain/errors.ts';
import type { Clock } from '../domain/time.ts';

/** Where the token comes from; asked before each call. */
export interface TokenSource {
  /** @throws OperatorError that says what to do. */
  current(): Promise<string>;
  /**
   * Slurm has refused `token`. @returns another where there is one, else the same. Callers at the same time share one renewal.
   * @throws OperatorError that says what to do.
   */
  renew(token: string): Promise<string>;
}

export interface IssuedToken {
  readonly token: string;
  /** How long it may be used before another one is asked for; null where it is not known to end. */
  readonly useMs: number | null;
}

/** Another is not asked for sooner: what refuses two in a row refuses a third, and a command may be dear. */
export const renewAtMostEveryMs = 30_000;

/** `scontrol token` prints `SLURM_JWT=…`; one line, without what HTTP would refuse in a header. */
export function parseToken(text: string): string | null {
  const token = text.trim().replace(/^SLURM_JWT=/, '');
  return /^[\x21-\x7e]+$/.test(token) ? token : null;
}

/**
 * A token that is made, kept for as long as it is good, and made again when its time is over or Slurm refuses it. One that
 * could not be made is not tried again at once either.
 */
export function issuedToken(issue: () => Promise<IssuedToken>, clock: Clock): TokenSource {
  let kept: IssuedToken | null = null;
  let goodUntilMs = Number.NEGATIVE_INFINITY;
  let renewedMs = Number.NEGATIVE_INFINITY;
  let failure: { readonly error: Error; readonly untilMs: number } | null = null;
  let underWay: Promise<string> | null = null;

  async function make(): Promise<string> {
    try {
      kept = await issue();
      failure = null;
      goodUntilMs = kept.useMs === null ? Number.POSITIVE_INFINITY : clock.monotonicMs() + kept.useMs;
      return kept.token;
    } catch (cause) {
      const error = cause instanceof Error ? cause : new OperatorError(String(cause));
      failure = { error, untilMs: clock.monotonicMs() + retryFailedAfterMs };
      throw error;
    }
  }

  function shared(): Promise<string> {
    if (failure !== null && clock.monotonicMs() < failure.untilMs) return Promise.reject(failure.error);
    underWay ??= make().finally(() => {
      underWay = null;
    });
    return underWay;
  }

  return {
    async current() {
      return kept !== null && clock.monotonicMs() < goodUntilMs ? kept.token : shared();
    },
    async renew(token) {
      if (underWay === null && kept?.token === token) {
        if (clock.monotonicMs() < renewedMs + renewAtMostEveryMs) return token;
        renewedMs = clock.monotonicMs();
        return shared();
      }
      return underWay ?? kept?.token ?? shared();
    },
  };
}

const retryFailedAfterMs = 2_000;
