/** Random snapshots, as the store could give them. */
import fc from 'fast-check';
import { poolOf } from '../../src/domain/pool.ts';
import type { PlannedAllocation, PoolSnapshot, Snapshot } from '../../src/planner/snapshot.ts';

const states = ['submitting', 'pending', 'claimed', 'busy', 'releasing'] as const;

const allocation = fc.record({
  madeForJobId: fc.option(fc.nat(11)),
  id: fc.stringMatching(/^[a-z2-7]{8}$/),
  state: fc.constantFrom(...states),
  createdAtMs: fc.nat(1_000),
  stuck: fc.boolean(),
  started: fc.boolean(),
  inFlight: fc.boolean(),
}) satisfies fc.Arbitrary<PlannedAllocation>;

const scopes = ['acme/app', 'acme/lib', 'other/tool'];
const profiles = ['small', 'large'];

const pool = (scope: string, profile: string): fc.Arbitrary<PoolSnapshot> =>
  fc
    .record({
      queued: fc.array(fc.record({ createdAtMs: fc.nat(1_000), rests: fc.boolean() }), { maxLength: 12 }),
      allocations: fc.uniqueArray(allocation, { maxLength: 12, selector: ({ id }) => id }),
      inDoubt: fc.nat(2),
      confirmable: fc.nat(2),
      stale: fc.boolean(),
      blocked: fc.option(fc.constant('refused')),
      probes: fc.constantFrom(0, 1, Number.POSITIVE_INFINITY),
      allowance: fc.constantFrom(0, 2, 100),
      maxAllocations: fc.constantFrom(1, 5, Number.POSITIVE_INFINITY),
      surplusSinceMs: fc.option(fc.nat(100)),
    })
    .map(({ queued, allocations, confirmable, ...others }) => {
      const firstJob = scopes.indexOf(scope) * 1_000 + profiles.indexOf(profile) * 100;
      return {
        ...others,
        unconfirmed: confirmable + others.inDoubt,
        pool: poolOf(scope, profile, [profile]),
        queued: queued
          .toSorted((a, b) => a.createdAtMs - b.createdAtMs)
          .map(({ createdAtMs, rests }, index) => ({
            id: firstJob + index,
            repository: scope,
            createdAtMs,
            rest: rests ? { reason: 'it rests', untilMs: null } : null,
          })),
        // Of a job that is queued, or is not any more.
        allocations: allocations.map(({ madeForJobId, ...allocation }) => ({
          ...allocation,
          madeForJobId: madeForJobId === null ? null : firstJob + madeForJobId,
        })),
      };
    });

export const arbitrarySnapshot: fc.Arbitrary<Snapshot> = fc.record({
  pools: fc.tuple(...scopes.flatMap((scope) => profiles.map((profile) => pool(scope, profile)))),
  limits: fc.record({
    maxAllocations: fc.integer({ min: 1, max: 60 }),
    maxPerRepository: fc.integer({ min: 1, max: 30 }),
    maxPending: fc.constantFrom(1, 8, Number.POSITIVE_INFINITY),
    surplusGraceMs: fc.constant(50),
  }),
});
