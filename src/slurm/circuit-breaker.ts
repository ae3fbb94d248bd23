/**
 * Leaves a Slurm in trouble alone: each call to it takes 10 to 20 s there and one of slurmctld's threads.
 *
 * | state     | answered | failed                        | time over |
 * |-----------|----------|-------------------------------|-----------|
 * | closed    | closed   | open, after three in a row    |           |
 * | open      | closed   | open                          | half-open |
 * | half-open | closed   | open, for twice as long       |           |
 *
 * Open, a call fails at once, and is not sent. Half-open, one call goes through, and it is one that changes nothing: a submit
 * that is used to find out whether Slurm answers would be a submit in doubt.
 */
import { SlurmError } from '../domain/errors.ts';
import type { Clock } from '../domain/time.ts';
import type { CallKind } from './calls.ts';

export type CircuitState = 'closed' | 'open' | 'half-open';

export const failuresToOpen = 3;
export const firstOpenMs = 2_000;
export const longestOpenMs = 15_000;

export class CircuitBreaker {
  readonly #clock: Clock;
  #state: CircuitState = 'closed';
  #failures = 0;
  #timesOpened = 0;
  #openUntilMs = 0;
  #probing = false;
  #last: SlurmError | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get state(): CircuitState {
    if (this.#state === 'open' && this.#clock.monotonicMs() >= this.#openUntilMs) this.#state = 'half-open';
    return this.#state;
  }

  /** @throws SlurmError, `notCreated`, when this call would not be let through now. */
  check({ name, changes }: CallKind): void {
    const { state } = this;
    if (state === 'closed' || (state === 'half-open' && !changes && !this.#probing)) return;
    const last = this.#last;
    const words = last?.message ?? 'Slurm has failed.';
    // A look says what is known; its sentence stays the same from one to the next.
    const message = changes
      ? `Not sent (${name}), since Slurm has failed several times in a row; it will be asked again soon. ${words}`
      : words;
    throw new SlurmError(message, { kind: 'unavailable', errorNumber: null, notCreated: true, cause: last });
  }

  /** @throws SlurmError as `check` does, else what the call throws. */
  async run<T>(kind: CallKind, call: () => Promise<T>): Promise<T> {
    this.check(kind);
    const probe = this.state === 'half-open';
    if (probe) this.#probing = true;
    try {
      const answer = await call();
      this.#answered();
      return answer;
    } catch (error) {
      if (error instanceof SlurmError && error.kind === 'unavailable') this.#failed(error, probe);
      else this.#answered();
      throw error;
    } finally {
      if (probe) this.#probing = false;
    }
  }

  #answered(): void {
    this.#state = 'closed';
    this.#failures = 0;
    this.#timesOpened = 0;
  }

  #failed(error: SlurmError, probe: boolean): void {
    this.#failures += 1;
    // One that was sent before says nothing about now.
    const opens = probe || (this.#state === 'closed' && this.#failures >= failuresToOpen);
    if (!opens) return;
    this.#last = error;
    this.#openUntilMs =
      this.#clock.monotonicMs() + Math.min(longestOpenMs, firstOpenMs * 2 ** Math.min(this.#timesOpened, 16));
    this.#timesOpened += 1;
    this.#state = 'open';
  }
}
