import { setTimeout } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leftBehind } from '../support/left-behind.ts';
import { listSlurmJobs } from '../support/list-slurm-jobs.ts';
import { startWorld, type World } from '../support/start-world.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';

const jobs = 40;
const kills = 10;

describe.skipIf(realSlurmMissing !== null)('restarts', () => {
  let world: World;
  beforeAll(async () => {
    // Few CPUs: some jobs run, some wait in Slurm, some are being submitted or claimed when the service dies.
    world = await startWorld({ name: 'restart', cluster: { cpus: 8 } });
  });
  afterAll(() => world.stop());

  it('SIGKILL ten times in a run of 40 jobs: each job has one Slurm job, and nothing is left', async () => {
    const { github, cluster, config } = world;
    github.control.createRun(
      'acme/app',
      'build',
      Array.from({ length: jobs }, (_, index) => ({
        name: `job-${index}`,
        labels: ['self-hosted', 'slurm-small'],
        commands: 'sleep 1',
      })),
    );
    let service = world.start();
    for (let kill = 0; kill < kills; kill += 1) {
      // Somewhere in the service's start, its first poll, its submits, its claims.
      await setTimeout(100 + Math.random() * 1_900);
      expect(await service.kill('SIGKILL')).toBe('SIGKILL');
      service = world.start();
    }
    await until(() => github.control.jobs().every((job) => job.status === 'completed'), 180_000, 200);
    await until(async () => (await leftBehind(world)).length === 0, 60_000, 250).catch(() => undefined);
    expect(await leftBehind(world)).toEqual([]);
    expect(github.control.jobs().map((job) => job.conclusion)).toEqual(Array(jobs).fill('success'));
    expect(new Set(github.control.jobs().map((job) => job.runnerName)).size).toBe(jobs);

    // Each Slurm job of ours either did one of the jobs, or was a submit in doubt that its fence ended before it got a runner.
    const database = new Database(config.databaseFile, { readonly: true });
    const rows = database.prepare('select outcome, claims from allocations').all() as {
      outcome: string;
      claims: number;
    }[];
    database.close();
    const outcomes = Object.groupBy(rows, (row) => row.outcome);
    expect(outcomes['completed']).toHaveLength(jobs);
    const others = rows.filter((row) => row.outcome !== 'completed');
    expect(
      others.every((row) => row.outcome === 'submit-lost' && row.claims === 0),
      JSON.stringify(others),
    ).toBe(true);
    // What was under way at once when the service died, each time at most.
    expect(others.length).toBeLessThanOrEqual(kills * 8);
    const accounted = (await listSlurmJobs(cluster)).map(({ state }) => state);
    const ran = accounted.filter((state) => state === 'COMPLETED').length;
    expect(ran, accounted.join()).toBeGreaterThanOrEqual(jobs);
    expect(ran, accounted.join()).toBeLessThanOrEqual(jobs + others.length);
    expect(accounted.length).toBeLessThanOrEqual(jobs + others.length);
    expect(await service.kill('SIGTERM')).toBe(0);
  });
});
