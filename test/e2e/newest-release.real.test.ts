/** The whole service on the newest release of Slurm; the other end-to-end tests run on the one before. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { releases } from '../../slurm/cluster/root-file-system.ts';
import { type BreakableProlog, breakableProlog } from '../support/breakable-prolog.ts';
import { leftBehind } from '../support/left-behind.ts';
import { runnerBind } from '../support/runner-folder.ts';
import { repository, startWorld, type World } from '../support/start-world.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';
import { prologFails } from './prolog-fails.ts';

describe.skipIf(realSlurmMissing !== null)('the newest release of Slurm', () => {
  let world: World;
  let prolog: BreakableProlog;
  beforeAll(async () => {
    prolog = breakableProlog();
    const release = releases.at(-1) ?? '26.05';
    const cluster = { release, binds: [runnerBind, prolog.bind], slurmConf: prolog.slurmConf };
    world = await startWorld({ name: 'newest', cluster, simulator: { rateLimit: 1_000_000 } });
    world.start();
    await until(async () => (await world.readiness())?.ready === true);
  });
  afterAll(async () => {
    await world.stop();
    prolog.remove();
  });

  it('runs a workflow', async () => {
    const { control } = world.github;
    const names = ['a', 'b', 'c'];
    control.createRun(
      repository,
      'ci',
      names.map((name) => ({ name, labels: ['self-hosted', 'slurm-small'], commands: 'true' })),
    );
    await until(() => control.jobs().every(({ conclusion }) => conclusion === 'success'), 60_000);
    await until(async () => (await leftBehind(world)).length === 0);
    expect((await world.state())?.allocations.map(({ outcome }) => outcome)).toEqual(
      names.map(() => 'completed'),
    );
  });

  it('a Prolog that fails: CANCELLED, with a reason that names it, and no loop', () =>
    prologFails({ world, prolog }));

  it('a token that ends, then none: said once each by the log, and by /readyz, until there is another', async () => {
    const { tokenFile } = world.cluster;
    const good = readFileSync(tokenFile, 'utf8');
    const replace = (token: string) => {
      writeFileSync(`${tokenFile}.next`, token);
      renameSync(`${tokenFile}.next`, tokenFile);
    };
    const says = async () => (await world.readiness())?.slurm?.message ?? '';
    replace(world.cluster.mintToken({ lifeSeconds: -10 }));
    await until(async () => /refuses the token.*slurm\.token/.test(await says()));
    rmSync(tokenFile);
    await until(async () => /There is no token for Slurm .*ENOENT.*slurm\.token/.test(await says()));
    expect(world.log().filter(({ msg }) => msg === 'Slurm can not be observed').length).toBe(2);
    replace(good);
    await until(async () => (await world.readiness())?.ready === true);
    expect(readFileSync(world.logFile, 'utf8')).not.toContain(good.trim());
  });
});
