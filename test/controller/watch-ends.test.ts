import { describe, expect, it } from 'vitest';
import { Harness } from './harness.ts';
import { slurmFailures } from './in-process-slurm.ts';

async function ended(state: string) {
  const h = new Harness();
  h.queue();
  await h.tick();
  const { job } = h.slurm;
  h.slurm.job = async (id, user) => {
    const found = await job.call(h.slurm, id, user);
    return found === null ? null : { ...found, node: 'node7', exitCode: 137 };
  };
  h.slurm.end(h.theJob(), state);
  await h.tick();
  return h;
}

describe('an ended allocation', () => {
  it('has the node and the exit code that Slurm knows, with one look', async () => {
    const h = await ended('OUT_OF_MEMORY');
    expect(h.slurm.faults.count('job')).toBe(1);
    expect(h.rows()[0]).toMatchObject({ outcome: 'slurm:OUT_OF_MEMORY', node: 'node7', exitCode: 137 });
    expect(h.controller.state().allocations.find(({ state }) => state === 'ended')).toMatchObject({
      node: 'node7',
      exitCode: 137,
    });
    await h.pass(60_000);
    expect(h.slurm.faults.calls.filter(({ about }) => about === 1)).toHaveLength(1);
  });

  it('that is COMPLETED ended with 0: no look is needed', async () => {
    const h = await ended('COMPLETED');
    expect(h.slurm.faults.count('job')).toBe(0);
    expect(h.rows()[0]).toMatchObject({ exitCode: 0 });
  });

  it("takes nothing from another's job that has its number by now, and lives without an answer", async () => {
    const h = new Harness();
    h.queue();
    await h.tick();
    const job = h.theJob();
    h.slurm.end(job, 'NODE_FAIL');
    h.slurm.faults.order('job', { kind: 'before', error: slurmFailures.timeout() });
    await h.tick();
    expect(h.rows()[0]).toMatchObject({ outcome: 'slurm:NODE_FAIL', exitCode: null });
  });

  it('of a cause that ends hundreds at once is not looked at hundreds of times', async () => {
    const h = new Harness();
    h.queue(60);
    await h.tick();
    for (const job of h.slurm.live()) h.slurm.end(job, 'NODE_FAIL');
    await h.tick();
    expect(h.slurm.faults.count('job')).toBe(20);
  });
});
