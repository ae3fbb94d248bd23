export interface Fault {
  /** `profiles.slurm-small.cpus`, as a user would look for it. */
  readonly path: string;
  readonly message: string;
}

/**
 * Puts environment variables for `${NAME}` into every string of a parsed document, so that a value can't change the
 * document's structure. Every variable that is not set is a fault.
 */
export function interpolate(
  node: unknown,
  env: Readonly<Record<string, string | undefined>>,
  faults: Fault[],
  path: readonly (string | number)[] = [],
): unknown {
  if (typeof node === 'string') {
    return node.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (whole, name: string) => {
      const value = env[name];
      if (value === undefined) {
        faults.push({ path: path.join('.'), message: `the environment variable ${name} is not set` });
        return whole;
      }
      return value;
    });
  }
  if (Array.isArray(node)) return node.map((item, index) => interpolate(item, env, faults, [...path, index]));
  if (typeof node === 'object' && node !== null) {
    return Object.fromEntries(
      Object.entries(node).map(([key, value]) => [key, interpolate(value, env, faults, [...path, key])]),
    );
  }
  return node;
}
