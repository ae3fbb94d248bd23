/** What a watched repository has in place of the profile's. */
import { describe, expect, it } from 'vitest';
import { repair } from '../../src/controller/repair.ts';
import { Harness } from './harness.ts';
import { slurmFailures } from './in-process-slurm.ts';

const overrides = new Map([['acme/app', { account: 'app', qos: 'low', user: 'somebody' }]]);

describe('a repository with an account and a user of its own', () => {
  it('has its Slurm jobs submitted with them', async () => {
    const h = new Harness({ overrides });
    const requests: unknown[] = [];
    const { submit } = h.slurm;
    h.slurm.submit = (request) => {
      requests.push({
        user: request.user,
        account: request.profile.account,
        qos: request.profile.qos,
        cpus: request.profile.cpus,
      });
      return submit.call(h.slurm, request);
    };
    h.queue();
    await h.tick();
    expect(requests).toEqual([{ user: 'somebody', account: 'app', qos: 'low', cpus: 1 }]);
  });

  it('has them looked at as that user: Slurm may keep them from everybody else', async () => {
    const h = new Harness({ overrides });
    h.queue();
    await h.tick();
    // The one that has waited longest is looked at each minute; a listing that lacks it twice makes for another look.
    await h.pass(600_000);
    h.slurm.faults.order('states', { kind: 'partial' }, 3);
    await h.pass(60_000);
    expect(h.slurm.faults.count('job')).toBeGreaterThan(9);
    expect(h.rows().map(({ state }) => state)).toEqual(['pending']);
    expect(h.slurm.faults.count('submit')).toBe(1);
  });

  it('has them compared as that user after a restore', async () => {
    const h = new Harness({ overrides });
    h.queue();
    await h.tick();
    expect(await repair(h.parts(), { dryRun: false })).toEqual([]);
    expect(h.rows().map(({ state }) => state)).toEqual(['pending']);
  });

  it('has them cancelled and fenced as that user, after a restart without the override too', async () => {
    const h = new Harness({ overrides });
    const [kept, cancelled] = h.queue(2);
    h.slurm.faults.order('submit', { kind: 'after', error: slurmFailures.timeout() });
    await h.tick();
    overrides.delete('acme/app');
    h.restart();
    if (cancelled !== undefined) h.github.state.cancelJob(cancelled);
    if (kept !== undefined) h.github.state.cancelJob(kept);
    await h.pass(60_000);
    expect(h.slurm.live()).toEqual([]);
    const users = h.slurm.faults.calls
      .filter(({ name }) => name === 'cancel')
      .map(({ about }) => (about as { user: unknown }).user);
    expect(users).toEqual(['somebody']);
    expect(h.slurm.faults.count('cancelByName')).toBeGreaterThan(0);
  });
});
