/** A start on a bad day: nothing answers, or nothing takes the token. The service starts all the same, and goes on by itself. */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { leftBehind } from '../support/left-behind.ts';
import { repository, startWorld, type World } from '../support/start-world.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';

/** `stop_grace_period` of docker-compose.yml. */
const stopGraceMs = 10_000;

describe.skipIf(realSlurmMissing !== null)('a start', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({
      name: 'start',
      simulator: { rateLimit: 1_000_000 },
      config: { logLevel: 'debug' },
    });
  });
  afterAll(() => world.stop());

  it('without Slurm, GitHub and a good token: says what is wrong, ends for none of it, and does the work later', async () => {
    const { cluster, github } = world;
    const good = readFileSync(cluster.tokenFile, 'utf8');
    const bad = cluster.mintToken({ lifeSeconds: -5 });
    writeFileSync(cluster.tokenFile, bad);
    await cluster.stopDaemon('slurmrestd');
    github.control.fault({ kind: 'status', status: 401, message: 'Bad credentials', times: 1_000 });
    github.control.createRun(repository, 'build', [
      { name: 'job', labels: ['self-hosted', 'slurm-small'], commands: 'true' },
    ]);
    const service = world.start();
    const slurmSays = async (): Promise<string> => (await world.readiness())?.slurm?.message ?? '';
    const gitHubSays = async (): Promise<string> =>
      (await world.readiness())?.repositories[0]?.failure?.message ?? '';
    await until(async () => /slurmrestd at .* can not be reached.*slurm\.url/.test(await slurmSays()));
    await until(async () => /GitHub refuses the token.*github\.auth\.token/.test(await gitHubSays()));
    expect((await world.readiness())?.ready).toBe(false);

    cluster.startDaemon('slurmrestd');
    await until(async () => /refuses the token.*slurm\.token/.test(await slurmSays()), 60_000);
    github.control.clearFaults();
    github.control.fault({ kind: 'status', status: 502, times: 6 });
    await until(async () => (await gitHubSays()).includes('status 502'));
    writeFileSync(cluster.tokenFile, good);
    const [job] = github.control.jobs();
    await until(() => job?.conclusion === 'success', 60_000);
    await until(async () => (await leftBehind(world)).length === 0);
    expect((await world.state())?.allocations.map(({ outcome }) => outcome)).toEqual(['completed']);
    expect(await service.kill('SIGTERM')).toBe(0);

    // At the level that says most, with failures of every kind in between.
    const log = readFileSync(world.logFile, 'utf8');
    expect(log).toContain('"level":"debug"');
    for (const secret of [good.trim(), bad, github.token]) expect(log).not.toContain(secret);
    expect(log).not.toMatch(/encoded_jit_config|Bearer |X-SLURM-USER-TOKEN/i);
  });

  it('told to end while GitHub does not answer: gone before Docker would kill it, with everything on disk', async () => {
    const { github } = world;
    const service = world.start();
    await until(async () => (await world.readiness())?.ready === true);
    const path = '/repos/{owner}/{repo}/actions/runs';
    const answered = () => github.control.requests().filter((request) => request.path === path).length;
    // Longer than all of the client's own time limits in a row.
    github.control.fault({ kind: 'delay', delayMs: 60_000, times: 1_000, path });
    onTestFinished(() => github.control.clearFaults());
    await until(async () => (await world.readiness())?.repositories[0]?.failure !== null, 30_000, 100);
    // What was on its way when GitHub fell silent has its answer by now; the polls that follow have none.
    const before = answered();
    const limit = setTimeout(stopGraceMs, 'is still there', { ref: false });
    expect(await Promise.race([service.kill('SIGTERM'), limit])).toBe(0);
    expect(answered()).toBe(before);
  });
});
