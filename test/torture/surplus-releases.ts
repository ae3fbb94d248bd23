/** Nobody gives up what is wanted: a release as surplus leaves enough for the fewest that were queued around it. */
import type { Demand } from './demand.ts';

interface Surroundings {
  readonly query: <Row>(sql: string, ...values: readonly unknown[]) => Row[];
  readonly demand: Demand;
}

interface Step {
  /** Monotonic time of the step before. */
  readonly sinceMs: number;
  /** When this one began, in milliseconds since the Unix epoch. */
  readonly beganAt: number;
}

/** @param fresh the events of this step. @returns what does not hold. */
export function surplusReleasesTooMany(
  { query, demand }: Surroundings,
  fresh: readonly { readonly detail: string | null; readonly profile: string }[],
  { sinceMs, beganAt }: Step,
): string[] {
  const labels = new Set(fresh.flatMap(({ detail, profile }) => (detail === 'surplus' ? [profile] : [])));
  return [...labels].flatMap((label) => {
    const [waiting] = query<{ count: number }>(
      "select count(*) as count from allocations where state in ('submitting', 'pending', 'claimed') and profile = ?",
      label,
    );
    // What went for other reasons in the same step was there when it was decided.
    const [others] = query<{ count: number }>(
      "select count(*) as count from allocation_events e join allocations a on a.id = e.allocation_id where a.profile = ? and e.at >= ? and e.from_state in ('submitting', 'pending', 'claimed') and e.to_state in ('busy', 'releasing', 'ended') and e.detail <> 'surplus'",
      label,
      beganAt,
    );
    const least = demand.leastSince(label, sinceMs);
    return (waiting?.count ?? 0) + (others?.count ?? 0) < least
      ? [`${label} was given up as surplus, and ${least} jobs were queued all the time`]
      : [];
  });
}
