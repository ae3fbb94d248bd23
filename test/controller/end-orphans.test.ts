/** Slurm jobs that no row holds: none is cancelled while a runner of it may be at work, whatever a listing says. */
import { describe, expect, it } from 'vitest';
import { repair } from '../../src/controller/repair.ts';
import { config } from './controller-config.ts';
import { Harness } from './harness.ts';
import { gitHubFailures } from './in-process-github.ts';
import type { InProcessJob } from './in-process-slurm.ts';

interface Orphaned {
  readonly harness: Harness;
  readonly job: InProcessJob;
  readonly runnerName: string;
}

/** Its Slurm job runs and has its runner; `forget` takes its row away, or lets that say that Slurm has lost it. */
async function orphaned(forget: 'wholly' | 'its end'): Promise<Orphaned> {
  const harness = new Harness();
  harness.queue();
  await harness.tick();
  const job = harness.theJob();
  const { runnerName } = await harness.startAndClaim(job);
  const sqlite = harness.store.db.$client;
  sqlite.exec("update allocations set state = 'ended', outcome = 'slurm:GONE', ended_at = 1");
  if (forget === 'wholly')
    sqlite.exec('delete from runners; delete from allocation_events; delete from allocations');
  return { harness, job, runnerName };
}

const compare = async (
  { harness }: Orphaned,
  changed: Partial<typeof config> = {},
  options = { dryRun: false },
) => {
  const parts = harness.parts();
  const [finding] = await repair({ ...parts, config: { ...parts.config, ...changed } }, options);
  if (finding === undefined) throw new Error('nothing was found');
  return finding;
};
const elsewhere = { repositories: ['acme/other'] };
const requests = ({ harness: { github } }: Orphaned) => ({
  looks: github.faults.count('runner'),
  deletions: github.faults.count('deregister'),
});
const lack = ({ harness }: Orphaned) => harness.github.faults.order('runners', { kind: 'partial' });

describe('a Slurm job that runs', () => {
  it('is left when its runner is busy, and the list lacks it', async () => {
    const world = await orphaned('its end');
    world.harness.take(world.runnerName);
    lack(world);
    expect(await compare(world)).toMatchObject({
      done: `left: its runner ${world.runnerName} works on a job`,
      settled: true,
    });
    expect(world.job.states).toEqual(['RUNNING']);
  });

  it('is left when its runner gets a job at that moment, and the list lacks it', async () => {
    const world = await orphaned('its end');
    lack(world);
    world.harness.github.onDeregister = () => void world.harness.take(world.runnerName);
    expect((await compare(world)).done).toBe(`left: its runner ${world.runnerName} has just got a job`);
    expect(world.job.states).toEqual(['RUNNING']);
  });

  it('is cancelled when its idle runner was deregistered, though the list lacks it: three requests and one', async () => {
    const world = await orphaned('its end');
    lack(world);
    expect((await compare(world)).done).toBe(`deregistered its runner ${world.runnerName} and cancelled it`);
    expect(world.harness.github.find(world.runnerName)).toBeUndefined();
    expect(world.job.states).toEqual(['CANCELLED']);
    expect(requests(world)).toEqual({ looks: 3, deletions: 1 });
  });

  it('is cancelled when GitHub has no runner of it, and nothing is called deregistered', async () => {
    const world = await orphaned('its end');
    world.harness.github.state.runners.clear();
    expect((await compare(world)).done).toBe('cancelled it: acme/app has no runner of it');
    expect(world.job.states).toEqual(['CANCELLED']);
    expect(requests(world)).toEqual({ looks: 3, deletions: 0 });
  });

  it.each(['before', 'after'] as const)(
    'is left when GitHub does not answer for one of its names (%s the deletion)',
    async (kind) => {
      const world = await orphaned('its end');
      const call = kind === 'before' ? 'runner' : 'deregister';
      world.harness.github.faults.order(call, { kind, error: gitHubFailures.unavailable() });
      expect(await compare(world)).toMatchObject({
        done: expect.stringMatching(/^failed: .* Run it again\.$/),
        settled: false,
      });
      expect(world.job.states).toEqual(['RUNNING']);
      await compare(world);
      expect(world.job.states).toEqual(['CANCELLED']);
    },
  );

  it('is left when its repository is not watched any more: the sentence says what to do', async () => {
    const world = await orphaned('its end');
    world.harness.take(world.runnerName);
    expect(await compare(world, elsewhere)).toMatchObject({
      done: expect.stringMatching(/^left: .* acme\/app, which is not in github\.watch\. .* "scancel 1"$/),
      settled: false,
    });
    expect(world.job.states).toEqual(['RUNNING']);
    expect(requests(world)).toEqual({ looks: 0, deletions: 0 });
  });

  it.each([
    ['the list lacks its runner', config, true],
    ['its repository is not watched any more', elsewhere, false],
  ])('is left when nothing is known of it and %s', async (_what, changed, lacks) => {
    const world = await orphaned('wholly');
    world.harness.take(world.runnerName);
    if (lacks) lack(world);
    expect((await compare(world, changed)).done).toMatch(
      /^left: no repository that is watched .* "scancel 1"/,
    );
    expect(world.job.states).toEqual(['RUNNING']);
  });

  it('is left when its runner is busy under the prefix that names had before', async () => {
    const world = await orphaned('wholly');
    world.harness.take(world.runnerName);
    expect((await compare(world, { runnerNamePrefix: 'other' })).done).toMatch(/works on a job$/);
    expect(world.job.states).toEqual(['RUNNING']);
  });

  it('is asked for nothing on a dry run', async () => {
    const world = await orphaned('its end');
    const finding = await compare(world, {}, { dryRun: true });
    expect(finding).toMatchObject({ done: expect.stringMatching(/^would ask acme\/app /), settled: false });
    expect(requests(world)).toEqual({ looks: 0, deletions: 0 });
  });
});

it('a Slurm job that does not run costs GitHub nothing', async () => {
  const harness = new Harness();
  const job = harness.slurm.add(`gha-${harness.store.instanceId}-aaaaaaaaaaaaaaaa`);
  const world = { harness, job, runnerName: '' };
  expect((await compare(world, elsewhere)).done).toBe('cancelled it: it does not run');
  expect(job.states).toEqual(['CANCELLED']);
  expect(requests(world)).toEqual({ looks: 0, deletions: 0 });
});
