import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { poolOf } from '../../src/domain/pool.ts';
import { deficit, inTurn, isSupply, surplus } from '../../src/planner/deficit.ts';
import { explainWaits } from '../../src/planner/explain-waits.ts';
import { plan } from '../../src/planner/plan.ts';
import type { Action, PlannedAllocation, PoolSnapshot, Snapshot } from '../../src/planner/snapshot.ts';
import { arbitrarySnapshot } from './arbitrary-snapshot.ts';

const nowMs = 120;

/** The snapshot after a plan was carried out: every intent is on disk, and nothing else has happened. */
function carriedOut(snapshot: Snapshot, actions: readonly Action[]): Snapshot {
  const pools = snapshot.pools.map((pool) => {
    const released = new Set(
      actions.flatMap((action) => (action.kind === 'release' ? [action.allocationId] : [])),
    );
    const jobs = jobsOfSubmits(actions, pool);
    const submits = jobs.length;
    const made = jobs.map(
      (madeForJobId, index): PlannedAllocation => ({
        id: `new-${index}`,
        madeForJobId,
        state: 'submitting',
        createdAtMs: 2_000,
        stuck: false,
        started: false,
        inFlight: true,
      }),
    );
    const allocations = pool.allocations.flatMap((allocation): PlannedAllocation[] => {
      if (!released.has(allocation.id)) return [allocation];
      return allocation.state === 'submitting' ? [] : [{ ...allocation, state: 'releasing' }];
    });
    const after = {
      ...pool,
      allocations: [...allocations, ...made],
      probes: Math.max(0, pool.probes - submits),
      allowance: Math.max(0, pool.allowance - submits),
    };
    return { ...after, surplusSinceMs: surplus(after) > 0 ? after.surplusSinceMs : null };
  });
  return { ...snapshot, pools };
}

/** On whose behalf the pool gets its submits. */
const jobsOfSubmits = (actions: readonly Action[], { pool }: PoolSnapshot): number[] =>
  actions.flatMap((action) =>
    action.kind === 'submit' && action.pool.key === pool.key ? [action.jobId] : [],
  );

const submitsOf = (actions: readonly Action[], pool?: PoolSnapshot) =>
  actions.filter(
    (action) => action.kind === 'submit' && (pool === undefined || action.pool.key === pool.pool.key),
  ).length;

describe('plan, whatever the snapshot', () => {
  const always = (check: (snapshot: Snapshot, actions: readonly Action[]) => void) =>
    fc.assert(
      fc.property(arbitrarySnapshot, (snapshot) => check(snapshot, plan(snapshot, nowMs))),
      {
        numRuns: 500,
      },
    );

  it('gives nothing when it is asked again after it was carried out', () =>
    always((snapshot, actions) => {
      const again = plan(carriedOut(snapshot, actions), nowMs);
      // A release makes room under the caps, and only that may be used.
      if (actions.every((action) => action.kind === 'submit')) expect(again).toEqual([]);
      else expect(again.filter((action) => action.kind === 'release')).toEqual([]);
    }));

  it('never submits more than a pool lacks', () =>
    always((snapshot, actions) => {
      for (const pool of snapshot.pools)
        expect(submitsOf(actions, pool)).toBeLessThanOrEqual(Math.max(0, deficit(pool)));
    }));

  it('submits on behalf of queued jobs, each once, and of none that rests or has an allocation of its own', () =>
    always((snapshot, actions) => {
      for (const pool of snapshot.pools) {
        const jobs = jobsOfSubmits(actions, pool);
        expect(new Set(jobs).size).toBe(jobs.length);
        const provided = pool.allocations.filter(isSupply).map(({ madeForJobId }) => madeForJobId);
        for (const id of jobs) {
          expect(pool.queued.find((job) => job.id === id)?.rest).toBeNull();
          expect(provided).not.toContain(id);
        }
      }
    }));

  it('never exceeds a cap by what it adds', () =>
    always((snapshot, actions) => {
      const { maxAllocations, maxPerRepository, maxPending } = snapshot.limits;
      const holds = (pools: readonly PoolSnapshot[], cap: number, what: string): void => {
        const added = pools.reduce((sum, pool) => sum + submitsOf(actions, pool), 0);
        const before = pools.reduce((sum, pool) => sum + pool.allocations.length + pool.inDoubt, 0);
        if (added > 0) expect(before + added, what).toBeLessThanOrEqual(cap);
      };
      holds(snapshot.pools, maxAllocations, 'in all');
      for (const [scope, pools] of Map.groupBy(snapshot.pools, (pool) => pool.pool.scope))
        holds(pools, maxPerRepository, scope);
      // A pool's own is that of its profile, over all repositories: the tightest holds for what it adds.
      for (const pools of Map.groupBy(snapshot.pools, (pool) => pool.pool.profile).values())
        for (const pool of pools.filter((one) => submitsOf(actions, one) > 0)) {
          const before = pools.reduce((sum, one) => sum + one.allocations.length + one.inDoubt, 0);
          expect(before + submitsOf(actions, pool), pool.pool.key).toBeLessThanOrEqual(pool.maxAllocations);
        }
      const waiting = snapshot.pools
        .map(
          ({ allocations, inDoubt }) =>
            inDoubt +
            allocations.filter(
              ({ state, started }) => (state === 'submitting' || state === 'pending') && !started,
            ).length,
        )
        .reduce((sum, count) => sum + count, 0);
      if (submitsOf(actions) > 0) expect(waiting + submitsOf(actions)).toBeLessThanOrEqual(maxPending);
    }));

  it('never makes a repository richer than one that could have had the same room', () =>
    always((snapshot, actions) => {
      const shares = [...Map.groupBy(snapshot.pools, (pool) => pool.pool.scope)].map(([scope, pools]) => {
        const added = pools.reduce((sum, pool) => sum + submitsOf(actions, pool), 0);
        const held = pools.reduce((sum, pool) => sum + pool.allocations.length + pool.inDoubt, 0);
        // Wishes that only a cap over all repositories stands in the way of.
        const wishes = pools
          .filter((pool) => !pool.stale && pool.blocked === null && pool.maxAllocations === Infinity)
          .reduce(
            (sum, pool) =>
              sum +
              Math.max(0, Math.min(deficit(pool), pool.probes, pool.allowance) - submitsOf(actions, pool)),
            0,
          );
        return { scope, added, held, wishes };
      });
      for (const poor of shares.filter(({ wishes }) => wishes > 0)) {
        if (poor.held + poor.added >= snapshot.limits.maxPerRepository) continue;
        for (const rich of shares.filter(({ added }) => added > 0))
          expect(rich.held + rich.added).toBeLessThanOrEqual(poor.held + poor.added + 1);
      }
    }));

  it('neither submits nor releases where the last observation failed', () =>
    always((snapshot, actions) => {
      const stale = new Set(snapshot.pools.filter((pool) => pool.stale).map((pool) => pool.pool.key));
      expect(
        actions.filter((action) => stale.has(action.kind === 'submit' ? action.pool.key : action.poolKey)),
      ).toEqual([]);
    }));

  it('has an allocation, a submit or a reason for every queued job', () =>
    always((snapshot, actions) => {
      const reasons = explainWaits(snapshot);
      for (const pool of snapshot.pools) {
        const supply = pool.allocations.filter(isSupply).length;
        const without = inTurn(pool)
          .slice(supply)
          .filter(({ id }) => !reasons.has(id));
        expect(without).toHaveLength(submitsOf(actions, pool));
        expect(
          inTurn(pool)
            .slice(0, supply)
            .filter(({ id }) => reasons.has(id)),
        ).toEqual([]);
      }
    }));

  it('submits nothing for a blocked pool, and no more than its probes', () =>
    always((snapshot, actions) => {
      for (const pool of snapshot.pools)
        expect(submitsOf(actions, pool)).toBeLessThanOrEqual(
          pool.blocked === null ? Math.min(pool.probes, pool.allowance) : 0,
        );
    }));

  it('releases no more than the surplus, and nothing busy, stuck or in flight', () =>
    always((snapshot, actions) => {
      const released = actions.flatMap((action) => (action.kind === 'release' ? [action.allocationId] : []));
      expect(new Set(released).size).toBe(released.length);
      for (const pool of snapshot.pools) {
        const rows = pool.allocations.filter((allocation) => released.includes(allocation.id));
        expect(rows.length).toBeLessThanOrEqual(Math.max(0, surplus(pool)));
        expect(rows.every((row) => isSupply(row) && !row.inFlight)).toBe(true);
      }
    }));

  it('leaves no queued job without an allocation where nothing stands in the way', () =>
    always((snapshot) => {
      const free: Snapshot = {
        pools: snapshot.pools.map((pool) => ({
          ...pool,
          stale: false,
          blocked: null,
          probes: Number.POSITIVE_INFINITY,
          allowance: Number.POSITIVE_INFINITY,
          maxAllocations: Number.POSITIVE_INFINITY,
        })),
        limits: { ...snapshot.limits, maxAllocations: 1_000, maxPerRepository: 1_000, maxPending: 1_000 },
      };
      const actions = plan(free, nowMs);
      for (const pool of free.pools) expect(submitsOf(actions, pool)).toBe(Math.max(0, deficit(pool)));
    }));
});

describe('plan', () => {
  const base = {
    unconfirmed: 0,
    inDoubt: 0,
    stale: false,
    blocked: null,
    probes: Number.POSITIVE_INFINITY,
    allowance: Number.POSITIVE_INFINITY,
    maxAllocations: Number.POSITIVE_INFINITY,
    surplusSinceMs: null,
    allocations: [],
  };
  const limits = {
    maxAllocations: 100,
    maxPerRepository: 100,
    maxPending: Number.POSITIVE_INFINITY,
    surplusGraceMs: 50,
  };
  const jobs = (repository: string, times: readonly number[]) =>
    times.map((createdAtMs, id) => ({ id, repository, createdAtMs, rest: null }));
  const allocation = (
    id: string,
    state: PlannedAllocation['state'],
    createdAtMs: number,
  ): PlannedAllocation => ({
    id,
    madeForJobId: null,
    state,
    createdAtMs,
    stuck: false,
    started: false,
    inFlight: false,
  });

  it('lets repositories take turns: a big workflow does not starve a small one', () => {
    const big = poolOf('acme/big', 'small', ['small']);
    const little = poolOf('acme/little', 'small', ['small']);
    const snapshot: Snapshot = {
      pools: [
        { ...base, pool: big, queued: jobs('acme/big', [1, 2, 3, 4, 5]) },
        { ...base, pool: little, queued: jobs('acme/little', [90, 91]) },
      ],
      limits: { ...limits, maxAllocations: 4 },
    };
    const scopes = plan(snapshot, 0).map((action) => (action.kind === 'submit' ? action.pool.scope : ''));
    expect(scopes).toEqual(['acme/big', 'acme/little', 'acme/big', 'acme/little']);
  });

  it('gives what room there is to the repository that has least', () => {
    const big = poolOf('acme/big', 'small', ['small']);
    const little = poolOf('acme/little', 'small', ['small']);
    const busy = [1, 2, 3].map((at) => allocation(`busy-${at}`, 'busy', at));
    const snapshot: Snapshot = {
      pools: [
        { ...base, pool: big, queued: jobs('acme/big', [1, 2, 3]), allocations: busy },
        { ...base, pool: little, queued: jobs('acme/little', [90, 91, 92]) },
      ],
      limits: { ...limits, maxAllocations: 6 },
    };
    const scopes = plan(snapshot, 0).map((action) => (action.kind === 'submit' ? action.pool.scope : ''));
    expect(scopes).toEqual(['acme/little', 'acme/little', 'acme/little']);
  });

  it('holds back what Slurm would only keep pending, and says so', () => {
    const pool = poolOf('acme/app', 'small', ['small']);
    const snapshot = (started: boolean): Snapshot => ({
      pools: [
        {
          ...base,
          pool,
          queued: jobs('acme/app', [1, 2, 3, 4]),
          allocations: [{ ...allocation('first', 'pending', 1), started }],
        },
      ],
      limits: { ...limits, maxPending: 2 },
    });
    expect(plan(snapshot(false), 0)).toHaveLength(1);
    expect(plan(snapshot(true), 0)).toHaveLength(2);
    expect([...explainWaits(snapshot(false)).values()]).toEqual(
      Array(2).fill('limits.maxPending is reached: 2 Slurm jobs wait for their start.'),
    );
  });

  it('gives the oldest queued job of a repository the first turn, across its pools', () => {
    const small = poolOf('acme/app', 'small', ['small']);
    const large = poolOf('acme/app', 'large', ['large']);
    const snapshot: Snapshot = {
      pools: [
        { ...base, pool: small, queued: jobs('acme/app', [20]) },
        { ...base, pool: large, queued: jobs('acme/app', [10]) },
      ],
      limits: { ...limits, maxAllocations: 1 },
    };
    expect(plan(snapshot, 0)).toEqual([{ kind: 'submit', pool: large, jobId: 0 }]);
  });

  it('releases after the grace only, the newest pending first and claimed ones last', () => {
    const pool = poolOf('acme/app', 'small', ['small']);
    const allocations = [
      allocation('claimed-old', 'claimed', 1),
      allocation('pending-old', 'pending', 2),
      allocation('pending-new', 'pending', 3),
      allocation('busy', 'busy', 4),
    ];
    const at = (surplusSinceMs: number | null, queued: number): Snapshot => ({
      pools: [
        { ...base, pool, queued: jobs('acme/app', Array(queued).fill(1)), allocations, surplusSinceMs },
      ],
      limits,
    });
    const released = (snapshot: Snapshot, now: number) =>
      plan(snapshot, now).map((action) => (action.kind === 'release' ? action.allocationId : action.kind));
    expect(released(at(100, 1), 149)).toEqual([]);
    expect(released(at(100, 1), 150)).toEqual(['pending-new', 'pending-old']);
    expect(released(at(100, 0), 150)).toEqual(['pending-new', 'pending-old', 'claimed-old']);
    expect(released(at(100, 3), 150)).toEqual([]);
  });

  it('counts runners whose job no listing has shown yet as supply', () => {
    const pool = poolOf('acme/app', 'small', ['small']);
    const snapshot = (unconfirmed: number): Snapshot => ({
      pools: [{ ...base, pool, queued: jobs('acme/app', [1, 2]), unconfirmed }],
      limits,
    });
    expect(plan(snapshot(0), 0)).toHaveLength(2);
    expect(plan(snapshot(2), 0)).toHaveLength(0);
  });

  const rest = { reason: 'It rests.', untilMs: 5 };
  const app = poolOf('acme/app', 'small', ['small']);
  const one = (pool: Partial<PoolSnapshot>): Snapshot => ({
    pools: [{ ...base, pool: app, queued: [], ...pool }],
    limits,
  });

  it('submits nothing for a job that rests, says why, and goes on with the others', () => {
    const [first, second, third] = jobs('acme/app', [1, 2, 3]);
    if (first === undefined || second === undefined || third === undefined) throw new Error('three jobs');
    const snapshot = one({ queued: [{ ...first, rest }, second, third] });
    expect(plan(snapshot, 0)).toEqual([1, 2].map((jobId) => ({ kind: 'submit', pool: app, jobId })));
    expect(explainWaits(snapshot)).toEqual(new Map([[0, 'It rests.']]));
  });

  it('counts what is there for the others first, and keeps the rest of it for a job that rests', () => {
    const [first, second] = jobs('acme/app', [1, 2]);
    if (first === undefined || second === undefined) throw new Error('two jobs');
    const queued = [{ ...first, rest }, second];
    const made = (count: number) =>
      one({
        queued,
        allocations: Array.from({ length: count }, (_, id) => allocation(`pending-${id}`, 'pending', id)),
        surplusSinceMs: 0,
      });
    expect(explainWaits(made(1))).toEqual(new Map([[0, 'It rests.']]));
    expect(plan(made(1), 1_000)).toEqual([]);
    expect(explainWaits(made(2))).toEqual(new Map());
    expect(plan(made(2), 1_000)).toEqual([]);
    expect(plan(made(3), 1_000)).toMatchObject([{ kind: 'release', allocationId: 'pending-2' }]);
  });

  it('makes an allocation for the oldest job that has none of its own, whoever waits longest for supply', () => {
    const queued = jobs('acme/app', [1, 2, 3]);
    const own = (madeForJobId: number, changes: Partial<PlannedAllocation> = {}): PlannedAllocation => ({
      ...allocation(`for-${madeForJobId}`, 'pending', 1),
      madeForJobId,
      ...changes,
    });
    const jobIds = (allocations: readonly PlannedAllocation[]) =>
      plan(one({ queued, allocations }), 0).map((action) => (action.kind === 'submit' ? action.jobId : null));
    expect(jobIds([own(1)])).toEqual([0, 2]);
    expect(jobIds([own(0), own(2)])).toEqual([1]);
    // What it has is no supply.
    expect(jobIds([own(0, { stuck: true }), own(1, { state: 'busy' })])).toEqual([0, 1, 2]);
    // Made for a job that is not queued any more.
    expect(jobIds([own(9)])).toEqual([0, 1]);
  });
});
