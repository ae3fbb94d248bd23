/**
 * A signal that aborts when the time is up (a `TimeoutError`, as `AbortSignal.timeout` says it) or when the other one does. Unlike
 * that, it ends with its call: of a thousand submits each timer would be kept for 40 s, and make an error at the end.
 */
export class TimeLimit {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #end: AbortSignal | undefined;
  readonly #onEnd = (): void => this.#controller.abort(this.#end?.reason);

  /** @param ms how long the call may take; @param end what ends it sooner. */
  constructor(ms: number, end: AbortSignal | undefined) {
    this.#end = end;
    this.#timer = setTimeout(() => {
      this.#controller.abort(new DOMException(`no answer within ${ms} ms`, 'TimeoutError'));
    }, ms);
    this.#timer.unref();
    if (end?.aborted === true) this.#onEnd();
    else end?.addEventListener('abort', this.#onEnd);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The call is over. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#end?.removeEventListener('abort', this.#onEnd);
  }
}
