/**
 * Which jobs are ours. A job is ours when exactly one of its labels is a profile, and every other one is an extra
 * label that we agreed to serve. Its runner registers exactly the job's label set, nothing more: every runner of a
 * pool can run every job of that pool.
 */
export interface LabelRules {
  /** Profile labels, as configured. */
  readonly profiles: readonly string[];
  readonly extraLabels: readonly string[];
}

export type LabelVerdict =
  | { readonly kind: 'ours'; readonly profile: string; readonly labels: readonly string[] }
  /** It names a profile of ours, and can still not be served. */
  | { readonly kind: 'rejected'; readonly reason: string }
  | { readonly kind: 'foreign' };

/** Labels are matched without regard to case; the set handed on is lower-case, sorted and without repeats. */
export function judgeLabels(labels: readonly string[], rules: LabelRules): LabelVerdict {
  const set = [...new Set(labels.map((label) => label.toLowerCase()))].sort();
  const profiles = rules.profiles.filter((profile) => set.includes(profile.toLowerCase()));
  const [profile, ...others] = profiles;
  if (profile === undefined) return { kind: 'foreign' };
  if (others.length > 0) {
    return {
      kind: 'rejected',
      reason: `It names ${profiles.length} size labels (${profiles.join(', ')}); keep one of them in runs-on.`,
    };
  }
  const extra = new Set(rules.extraLabels.map((label) => label.toLowerCase()));
  const unknown = set.filter((label) => label !== profile.toLowerCase() && !extra.has(label));
  if (unknown.length > 0) {
    return {
      kind: 'rejected',
      reason: `Nothing here serves the label${unknown.length > 1 ? 's' : ''} ${unknown.join(', ')}: take them out of runs-on, or add them to runner.extraLabels.`,
    };
  }
  return { kind: 'ours', profile, labels: set };
}
