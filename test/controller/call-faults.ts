/** What may go wrong with one call: said before it is made, or while it is held. */
export type CallFault =
  /** It does not take effect, and fails with this. */
  | { readonly kind: 'before'; readonly error: Error }
  /** It takes effect, and its answer is this failure. */
  | { readonly kind: 'after'; readonly error: Error }
  /** It fails with this, and takes effect when `settle` is called: long after the caller has given up. */
  | { readonly kind: 'late'; readonly error: Error }
  /** Something on the way sends it again: it takes effect twice, and the second answer is the one that arrives. */
  | { readonly kind: 'twice'; readonly between?: Meanwhile }
  /** A listing lacks half of what is there. */
  | { readonly kind: 'partial' }
  /** It takes its time, and other things happen: before it takes effect, or before its answer arrives. */
  | { readonly kind: 'slow'; readonly before?: Meanwhile; readonly after?: Meanwhile };

/** What happens while a call is under way. It must not wait for the call. */
type Meanwhile = () => Promise<void> | void;

export class CallFaults<Name extends string> {
  readonly #faults = new Map<Name, CallFault[]>();
  readonly #held = new Map<Name, Promise<void>>();
  #late: (() => unknown)[] = [];
  /** While it is there, no call takes effect, and each fails with this. */
  outage: (() => Error) | null = null;
  /** Calls made, in their order. */
  readonly calls: { readonly name: Name; readonly about: unknown }[] = [];

  /** The next `times` calls of that name meet it. */
  order(name: Name, fault: CallFault, times = 1): void {
    this.#faults.set(name, [...(this.#faults.get(name) ?? []), ...Array<CallFault>(times).fill(fault)]);
  }

  /** What the next call of that name will meet. */
  next(name: Name): CallFault | undefined {
    return this.#faults.get(name)?.[0];
  }

  clear(): void {
    this.#faults.clear();
    this.outage = null;
  }

  /** What was late takes effect. */
  settle(): void {
    const late = this.#late;
    this.#late = [];
    for (const effect of late) {
      try {
        effect();
      } catch {
        // Nobody waits for its answer.
      }
    }
  }

  /** Calls of that name take effect and are not answered until the function that this returns is called. */
  hold(name: Name): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.set(name, promise);
    return () => {
      this.#held.delete(name);
      resolve();
    };
  }

  count(name: Name): number {
    return this.calls.filter((call) => call.name === name).length;
  }

  /** An effect that is a listing says by `isPartial` whether it is to lack something. */
  async meet<T>(name: Name, about: unknown, effect: (isPartial: boolean) => T): Promise<T> {
    this.calls.push({ name, about });
    if (this.outage !== null) throw this.outage();
    const fault = this.#faults.get(name)?.shift();
    if (fault?.kind === 'late') this.#late.push(() => effect(false));
    if (fault?.kind === 'before' || fault?.kind === 'late') throw fault.error;
    if (fault?.kind === 'twice') {
      effect(false);
      await fault.between?.();
    }
    if (fault?.kind === 'slow') await fault.before?.();
    const result = effect(fault?.kind === 'partial');
    if (fault?.kind === 'slow') await fault.after?.();
    await this.#held.get(name);
    if (fault?.kind === 'after') throw fault.error;
    return result;
  }
}
