/** Faults that a test orders: each for some number of requests to a route. */
export type FaultKind =
  /** Answered with a status, and nothing happens. */
  | 'status'
  /** It happens, and the connection ends without an answer. */
  | 'lost-after'
  /** Something on the way sends it again: it happens twice, and the second answer arrives. */
  | 'twice'
  /** It happens, and the answer is cut in its middle. */
  | 'cut'
  /** It happens, and the answer is a page of a proxy. */
  | 'not-json'
  /** It happens, and the answer has no body. */
  | 'empty'
  | 'delay';

export interface Fault {
  readonly kind: FaultKind;
  /** As GitHub's description writes the path; default: every route. */
  readonly path?: string | undefined;
  readonly method?: string | undefined;
  /** How many requests meet it; default 1. */
  readonly times?: number | undefined;
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly message?: string | undefined;
  readonly delayMs?: number | undefined;
  /** Of a delay: what happens in that time. */
  readonly meanwhile?: (() => void) | undefined;
}

export class Faults {
  #ordered: (Fault & { left: number })[] = [];

  order(fault: Fault): void {
    this.#ordered.push({ ...fault, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#ordered = [];
  }

  /** The fault that this request meets, if any. */
  meet(method: string, path: string): Fault | null {
    const fault = this.#ordered.find(
      (ordered) =>
        ordered.left > 0 &&
        (ordered.method === undefined || ordered.method === method) &&
        (ordered.path === undefined || ordered.path === path),
    );
    if (fault === undefined) return null;
    fault.left -= 1;
    return fault;
  }
}
