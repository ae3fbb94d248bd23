/** Random snapshots, as the store could give them. */
import fc from 'fast-check';
import { poolOf } from '../../src/domain/pool.ts';
import type { PlannedAllocation, PoolSnapshot, Snapshot } from '../../src/planner/snapshot.ts';

const states = ['submitting', 'pending', 'claimed', 'busy', 'releasing'] as const;

const allocation = fc.record({
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
      queued: fc.array(fc.nat(1_000), { maxLength: 12 }),
      allocations: fc.uniqueArray(allocation, { maxLength: 12, selector: ({ id }) => id }),
      unconfirmed: fc.nat(3),
      stale: fc.boolean(),
      blocked: fc.option(fc.constant('refused')),
      probes: fc.constantFrom(0, 1, Number.POSITIVE_INFINITY),
      allowance: fc.constantFrom(0, 2, 100),
      maxAllocations: fc.constantFrom(1, 5, Number.POSITIVE_INFINITY),
      surplusSinceMs: fc.option(fc.nat(100)),
    })
    .map(({ queued, ...rest }) => ({
      ...rest,
      pool: poolOf(scope, profile, [profile]),
      queued: queued
        .toSorted((a, b) => a - b)
        .map((createdAtMs, index) => ({
          id: scopes.indexOf(scope) * 1_000 + profiles.indexOf(profile) * 100 + index,
          repository: scope,
          createdAtMs,
        })),
    }));

export const arbitrarySnapshot: fc.Arbitrary<Snapshot> = fc.record({
  pools: fc.tuple(...scopes.flatMap((scope) => profiles.map((profile) => pool(scope, profile)))),
  limits: fc.record({
    maxAllocations: fc.integer({ min: 1, max: 60 }),
    maxPerRepository: fc.integer({ min: 1, max: 30 }),
    maxPending: fc.constantFrom(1, 8, Number.POSITIVE_INFINITY),
    surplusGraceMs: fc.constant(50),
  }),
});
