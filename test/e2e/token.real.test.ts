/** A token that ends while the service runs: said by `/readyz`, and over as soon as there is another one. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorld, type World } from '../support/start-world.ts';
import { until } from '../support/until.ts';
import { realSlurmMissing } from '../support/with-real-slurm.ts';

describe.skipIf(realSlurmMissing !== null)('a token that Slurm refuses', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ name: 'token', cluster: { release: '26.05' } });
  });
  afterAll(() => world.stop());

  it('is what /readyz says, with what to do; the next one in the file is taken without a restart', async () => {
    const { tokenFile } = world.cluster;
    const good = readFileSync(tokenFile, 'utf8');
    const replace = (token: string) => {
      writeFileSync(`${tokenFile}.next`, token);
      renameSync(`${tokenFile}.next`, tokenFile);
    };
    world.start();
    await until(async () => (await world.readiness())?.ready === true);

    replace(world.cluster.mintToken({ lifeSeconds: -10 }));
    await until(async () => (await world.readiness())?.slurm !== null);
    expect(await world.readiness()).toMatchObject({
      ready: false,
      slurm: { message: expect.stringMatching(/refuses the token.*slurm\.token/) },
    });
    const lines = () => world.log().filter(({ msg }) => msg === 'Slurm can not be observed').length;
    replace('');
    await until(async () => /token file .* is empty/.test((await world.readiness())?.slurm?.message ?? ''));
    // Once for each of the two reasons, and not once a look.
    expect(lines()).toBe(2);

    replace(good);
    await until(async () => (await world.readiness())?.ready === true);
    expect(readFileSync(world.logFile, 'utf8')).not.toContain(good.trim());
  });
});
