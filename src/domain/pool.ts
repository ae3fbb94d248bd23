/**
 * A pool is what demand and supply are counted over: the scope where runners are registered, the profile, and the
 * whole label set. Any runner of a pool can take any job of it, so counting is enough and no job is bound to a runner.
 */
export interface Pool {
  readonly key: PoolKey;
  /** Where its runners are registered: `owner/name`. */
  readonly scope: string;
  readonly profile: string;
  /** Lower-case, sorted. */
  readonly labels: readonly string[];
}

/** Says everything about its pool: scope, profile and labels have no `|` in them, labels no comma. */
export type PoolKey = string;

export function poolOf(scope: string, profile: string, labels: readonly string[]): Pool {
  return { key: `${scope}|${profile}|${labels.join(',')}`, scope, profile, labels };
}

export function poolOfKey(key: PoolKey): Pool {
  const [scope = '', profile = '', labels = ''] = key.split('|');
  return { key, scope, profile, labels: labels.split(',') };
}
