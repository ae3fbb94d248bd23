/** The failure of a call that is to fail, and to fail with an error of this class. */
export function failureOf<E extends Error>(
  // biome-ignore lint/suspicious/noExplicitAny: a constructor of any parameters
  kind: abstract new (...args: any[]) => E,
  call: Promise<unknown>,
): Promise<E> {
  return call.then(
    () => {
      throw new Error('it was to fail');
    },
    (error: unknown) => {
      if (error instanceof kind) return error;
      throw error;
    },
  );
}
