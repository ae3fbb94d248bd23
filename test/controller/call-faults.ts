/** What may go wrong with one call: said before it is made, or while it is held. */
export type CallFault =
  /** It does not take effect, and fails with this. */
  | { readonly kind: 'before'; readonly error: Error }
  /** It takes effect, and its answer is this failure. */
  | { readonly kind: 'after'; readonly error: Error };

export class CallFaults<Name extends string> {
  readonly #faults = new Map<Name, CallFault[]>();
  readonly #held = new Map<Name, Promise<void>>();
  /** Calls made, in their order. */
  readonly calls: { readonly name: Name; readonly about: unknown }[] = [];

  /** The next `times` calls of that name meet it. */
  order(name: Name, fault: CallFault, times = 1): void {
    this.#faults.set(name, [...(this.#faults.get(name) ?? []), ...Array<CallFault>(times).fill(fault)]);
  }

  clear(): void {
    this.#faults.clear();
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

  async meet<T>(name: Name, about: unknown, effect: () => T): Promise<T> {
    this.calls.push({ name, about });
    const fault = this.#faults.get(name)?.shift();
    if (fault?.kind === 'before') throw fault.error;
    const result = effect();
    await this.#held.get(name);
    if (fault?.kind === 'after') throw fault.error;
    return result;
  }
}
