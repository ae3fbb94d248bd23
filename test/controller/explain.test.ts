/** A job's whole life in order, and why it waits now. */
import { describe, expect, it } from 'vitest';
import { config } from './controller-config.ts';
import { Harness } from './harness.ts';
import { slurmFailures } from './in-process-slurm.ts';

describe('explain', () => {
  it('tells the tries that came to nothing, the one that did it, and how it ended', async () => {
    const h = new Harness();
    h.slurm.faults.order('submit', { kind: 'before', error: slurmFailures.refused('QOS limit') });
    const [job] = h.queue();
    if (job === undefined) throw new Error('no job was queued');
    await h.tick();
    expect(h.controller.explain(job.id)?.now).toMatch(/last try failed.*QOS limit/);
    await h.tick();
    expect(h.controller.explain(job.id)?.now).toMatch(/waits for a runner.*Slurm job 1, is pending/);
    const granted = await h.startAndClaim(h.theJob());
    h.take(granted.runnerName);
    await h.tick();
    expect(h.controller.explain(job.id)).toMatchObject({ status: 'in_progress' });
    expect(h.controller.explain(job.id)?.now).toMatch(/It runs: allocation \w+, Slurm job 1, is busy/);
    h.github.state.complete(job, 'success');
    h.slurm.end(h.theJob());
    await h.tick();
    await h.tick();
    const life = h.controller.explain(job.id);
    expect(life?.now).toBe('It is over: success.');
    expect(life?.events.map(({ what }) => what.replaceAll(/[a-z2-7]{16}/g, 'ID'))).toEqual([
      'queued at GitHub',
      'seen by this service: its profile is slurm-small',
      'allocation ID is submitting',
      'allocation ID is ended: submit-refused: QOS limit',
      'allocation ID, Slurm job 1 is submitting',
      'allocation ID, Slurm job 1 is pending',
      `allocation ID, Slurm job 1 is claimed, runner ${granted.runnerName.replaceAll(/[a-z2-7]{16}/g, 'ID')}: claimed by Slurm job 1 on node`,
      `started on the runner ${granted.runnerName.replaceAll(/[a-z2-7]{16}/g, 'ID')}`,
      `allocation ID, Slurm job 1 is busy: GitHub names its runner on job ${job.id}`,
      'over: success',
      'allocation ID, Slurm job 1 is ended: completed: Slurm job 1 is COMPLETED: its batch script ended by itself.',
    ]);
    const times = life?.events.map(({ at }) => at) ?? [];
    expect(times).toEqual(times.toSorted());
  });

  it('says why a job can not be served, or has to wait', async () => {
    const h = new Harness({ limits: { ...config.limits, maxAllocations: 1 } });
    const [first, second] = h.queue(2);
    const [twoSizes] = h.queue(1, ['slurm-small', 'slurm-large']);
    await h.tick();
    expect(h.controller.explain(first?.id ?? 0)?.now).toContain('is pending');
    expect(h.controller.explain(second?.id ?? 0)?.now).toMatch(/limits\.maxAllocations is reached: 1 /);
    expect(h.controller.explain(twoSizes?.id ?? 0)).toMatchObject({
      status: 'rejected',
      now: expect.stringContaining('2 size labels'),
    });
    expect(h.controller.explain(7)).toBeNull();
  });

  it('says that GitHub or Slurm does not answer', async () => {
    const h = new Harness();
    h.slurm.faults.order('states', { kind: 'before', error: slurmFailures.timeout() }, 2);
    const [job] = h.queue();
    await h.tick();
    expect(h.controller.explain(job?.id ?? 0)?.now).toMatch(/^Slurm: slurmrestd did not answer/);
  });
});
