/** The handoff through the comment, in real Slurm jobs of an ordinary user: no node is told where the service is. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leftBehind } from '../support/left-behind.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { startWorld, type World } from '../support/start-world.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { conclusions, startWorkload } from '../support/workload.ts';

describe.skipIf(realSlurmMissing !== null)('the handoff mailbox', () => {
  let world: World;
  let service: ServiceProcess;
  beforeAll(async () => {
    world = await startWorld({
      name: 'mailbox',
      simulator: { rateLimit: 1_000_000 },
      config: {
        runner: {
          handoff: 'mailbox',
          callbackUrl: undefined,
          mailboxSecret: 'a secret of this test, with 32 characters',
        },
      },
    });
    service = world.start();
    await until(async () => (await world.readiness())?.ready === true);
  });
  afterAll(() => world.stop());

  const comments = async (): Promise<string> =>
    (await world.cluster.exec(['squeue', '--noheader', '--states=all', '--format=%i %k'])).stdout;

  it('jobs run once each, nobody reads what they were handed, and the comment is empty again', async () => {
    const work = await startWorkload(world);
    const seen = new Set<string>();
    const jobs = work.queue(3, 'slurm-small', 'sleep 1');
    await until(async () => {
      for (const line of (await comments()).split('\n')) seen.add(line.replace(/^\d+ /, ''));
      return jobs.every((job) => job.status === 'completed');
    }, 90_000);
    expect(await work.finish(60_000)).toEqual([]);
    expect(conclusions(jobs)).toEqual(['success', 'success', 'success']);
    expect([...seen].some((comment) => comment.startsWith('gs1:a:'))).toBe(true);
    for (const comment of seen) expect(comment).toMatch(/^(gs1:[\w:-]+|\(null\)|)$/);
    expect((await comments()).trim().split(/\s+/).sort()).toEqual(['1', '2', '3']);
  });

  it('the service is killed while a job waits for its answer: it asks the next one, and runs once', async () => {
    const work = await startWorkload(world);
    // It has its question read, and no answer yet.
    const path = '/repos/{owner}/{repo}/actions/runners/generate-jitconfig';
    world.github.control.fault({ kind: 'delay', delayMs: 5_000, times: 1, path });
    const [job] = work.queue(1, 'slurm-small', 'true');
    await until(async () => (await work.allocations()).some(({ state }) => state === 'claimed'), 60_000, 50);
    await service.kill('SIGKILL');
    service = world.start();
    await until(() => job?.status === 'completed', 150_000);
    expect(job?.conclusion).toBe('success');
    await until(async () => (await leftBehind(world)).length === 0, 60_000);
    await until(
      async () => (await work.allocations()).some(({ outcome }) => outcome === 'completed'),
      10_000,
    );
    expect(await work.allocations()).toHaveLength(1);
  });
});
