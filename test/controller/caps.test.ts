/** The caps, from the configuration to Slurm: counted from the store, over all that Slurm may have of ours. */
import { describe, expect, it } from 'vitest';
import { config } from './controller-config.ts';
import { Harness } from './harness.ts';
import { slurmFailures } from './in-process-slurm.ts';

const limited = (limits: Partial<typeof config.limits>) =>
  new Harness({ limits: { ...config.limits, ...limits } });

describe('caps', () => {
  it('of a profile: so many over all of its pools', async () => {
    const profiles = new Map(
      [...config.profiles].map(([name, profile]) => [
        name,
        name === 'slurm-small' ? { ...profile, maxAllocations: 2 } : profile,
      ]),
    );
    const h = new Harness({ profiles });
    const [, , third] = h.queue(4);
    h.queue(3, ['slurm-large']);
    await h.pass(30_000);
    expect(h.slurm.live().length).toBe(5);
    expect(h.controller.explain(third?.id ?? 0)?.now).toContain(
      'maxAllocations of the profile slurm-small is reached: 2',
    );
  });

  it('of what waits in Slurm: one more for each that starts', async () => {
    const h = limited({ maxPending: 2 });
    h.queue(4);
    await h.pass(10_000);
    expect(h.slurm.live().length).toBe(2);
    const [first] = h.slurm.live();
    if (first !== undefined) h.slurm.start(first);
    await h.pass(10_000);
    expect(h.slurm.live().length).toBe(3);
  });

  it.each([
    ['in all', { maxAllocations: 1 }],
    ['per repository', { maxPerRepository: 1 }],
    ['of what waits', { maxPending: 1 }],
  ])('%s: a submit in doubt counts until Slurm has said that there is no such job', async (_what, limits) => {
    const h = limited(limits);
    h.queue(4);
    h.slurm.faults.order('submit', { kind: 'after', error: slurmFailures.timeout() }, 2);
    h.slurm.faults.order('cancelByName', { kind: 'before', error: slurmFailures.timeout() }, 1_000);
    await h.pass(300_000);
    expect(h.slurm.live().length).toBe(1);
    h.slurm.faults.clear();
    await h.pass(900_000);
    expect(h.slurm.live().length).toBe(1);
    expect(h.slurm.faults.count('submit')).toBeGreaterThan(1);
  });
});
