import { describe, expect, it } from 'vitest';
import { flush } from '../support/flush.ts';
import { Harness } from './harness.ts';
import { type InProcessJob, slurmFailures } from './in-process-slurm.ts';

const kept = { states: ['OUT_OF_MEMORY'], node: 'node7', exitCode: 137, peakMemoryMiB: 212 };
const hourMs = 3_600_000;

/** One whose Slurm job has started and ended; nothing else is to be done. */
async function ended(h = new Harness()): Promise<{ h: Harness; job: InProcessJob }> {
  const [workflowJob] = h.queue();
  await h.tick();
  const job = h.slurm.live().at(-1);
  if (job === undefined) throw new Error('nothing was submitted');
  await h.startAndClaim(job);
  if (workflowJob !== undefined) h.github.state.cancelJob(workflowJob);
  h.slurm.end(job, 'OUT_OF_MEMORY');
  await h.tick();
  return { h, job };
}

const due = (h: Harness): unknown[] =>
  h.column('select count(*) from allocations where accounting_due_at is not null');
const asked = (h: Harness): number => h.slurm.faults.count('accounting');
const told = (h: Harness): unknown[] =>
  h.log.filter(({ message }) => /accounting/.test(message)).map(({ level }) => level);

describe('an ended allocation', () => {
  it('has its peak memory some time after its end, with one question', async () => {
    const { h, job } = await ended();
    h.slurm.keep(job, kept);
    await h.pass(10_000);
    expect(asked(h)).toBe(0);
    await h.tick();
    expect(h.slurm.faults.calls.at(-1)).toEqual({ name: 'accounting', about: [job.id] });
    expect(h.rows()).toMatchObject([{ peakMemoryMiB: 212 }]);
    expect(h.controller.state().allocations).toMatchObject([{ peakMemoryMiB: 212 }]);
    expect(told(h)).toEqual([]);
    await h.pass(600_000);
    expect(asked(h)).toBe(1);
  });

  it('keeps what slurmctld has said of its end', async () => {
    const { h, job } = await ended();
    const before = h.rows()[0];
    h.slurm.keep(job, { ...kept, states: ['FAILED'], node: 'another' });
    await h.pass(15_000);
    expect(h.rows()[0]).toMatchObject({
      outcome: before?.outcome,
      reason: before?.reason,
      node: 'node',
      exitCode: 137,
    });
  });

  it('that never ran is not asked about, and neither is one that was requeued', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    if (job !== undefined) h.github.state.cancelJob(job);
    await h.pass(60_000);
    expect(h.rows()).toMatchObject([{ state: 'ended', outcome: 'surplus' }]);
    h.queue();
    await h.tick();
    const [requeued] = h.slurm.live();
    if (requeued === undefined) throw new Error('nothing was submitted');
    await h.startAndClaim(requeued);
    h.slurm.requeue(requeued);
    await h.tick();
    expect(h.rows()[1]).toMatchObject({ state: 'ended', outcome: 'slurm:REQUEUED' });
    expect(due(h)).toEqual([0]);
  });

  it('is asked about together with many others', async () => {
    const h = new Harness();
    const jobs = h.queue(60);
    await h.tick();
    for (const job of jobs) h.github.state.cancelJob(job);
    for (const job of h.slurm.live()) {
      h.slurm.end(job, 'NODE_FAIL');
      h.slurm.keep(job, kept);
    }
    await h.pass(60_000);
    const questions = h.slurm.faults.calls.filter(({ name }) => name === 'accounting');
    expect(questions.map(({ about }) => (about as number[]).length)).toEqual([50, 10]);
    expect(h.column('select distinct peak_memory_mib from allocations')).toEqual([212]);
  });

  it('has the record that carries its name, where its number is given out again', async () => {
    const { h, job } = await ended();
    h.slurm.keep(job, { ...kept, states: ['NODE_FAIL'], peakMemoryMiB: 5 });
    h.slurm.keep(job, kept);
    h.slurm.keep({ ...job, name: 'a job of somebody else' }, { ...kept, peakMemoryMiB: 9_000 });
    await h.pass(15_000);
    expect(h.rows()).toMatchObject([{ peakMemoryMiB: 212 }]);
  });

  it('waits for a record that is late', async () => {
    const { h, job } = await ended();
    h.slurm.keep(job, { ...kept, states: ['RUNNING'], exitCode: null, peakMemoryMiB: null });
    await h.pass(15_000);
    expect(h.rows()).toMatchObject([{ peakMemoryMiB: null }]);
    h.slurm.records = [];
    h.slurm.keep(job, kept);
    await h.pass(15_000);
    expect(h.rows()).toMatchObject([{ peakMemoryMiB: 212 }]);
    expect(asked(h)).toBe(2);
  });

  it('is given up when accounting has had no record of it for some minutes', async () => {
    const { h } = await ended();
    h.slurm.records = [];
    await h.pass(hourMs);
    expect(asked(h)).toBe(6);
    expect(due(h)).toEqual([0]);
    expect(h.rows()).toMatchObject([{ peakMemoryMiB: null }]);
  });

  it('has its peak after a restart, too', async () => {
    const { h, job } = await ended();
    h.slurm.records = [];
    await h.pass(15_000);
    h.restart();
    h.slurm.keep(job, kept);
    await h.pass(15_000);
    expect(h.rows()).toMatchObject([{ peakMemoryMiB: 212 }]);
    expect(asked(h)).toBe(2);
  });
});

describe('one that slurmctld had forgotten', () => {
  async function forgotten() {
    const h = new Harness();
    const [workflowJob] = h.queue();
    await h.tick();
    const job = h.theJob();
    await h.startAndClaim(job);
    if (workflowJob !== undefined) h.github.state.cancelJob(workflowJob);
    h.slurm.forget(job);
    await h.pass(10_000);
    expect(h.rows()).toMatchObject([{ outcome: 'slurm:GONE', exitCode: null }]);
    return { h, job, id: h.rows()[0]?.id ?? '', workflowJobId: workflowJob?.id ?? 0 };
  }

  it('has its end from accounting', async () => {
    const { h, job, id, workflowJobId } = await forgotten();
    h.slurm.keep(job, kept);
    await h.pass(15_000);
    const end =
      "Slurm job 1 is OUT_OF_MEMORY: it used more memory than it has: raise the profile's memory. Only accounting knew.";
    expect(h.rows()).toMatchObject([
      { outcome: 'slurm:OUT_OF_MEMORY', reason: end, node: 'node', exitCode: 137, peakMemoryMiB: 212 },
    ]);
    expect(h.controller.explain(workflowJobId)?.accounting).toEqual([
      { allocationId: id, peakMemoryMiB: 212, end },
    ]);
  });

  it.each([
    ['a runner that had started nothing', {}, 'runner-never-online'],
    ['one that had worked', { started_at: 5 }, 'completed'],
  ])('COMPLETED, of %s', async (_what, columns, outcome) => {
    const { h, job, id } = await forgotten();
    for (const [column, value] of Object.entries(columns))
      h.store.db.run(`update allocations set ${column} = ${value} where id = '${id}'`);
    h.slurm.keep(job, { ...kept, states: ['COMPLETED'], exitCode: 0 });
    await h.pass(15_000);
    expect(h.rows()).toMatchObject([{ outcome, exitCode: 0 }]);
  });

  it('keeps the reason that its node gave', async () => {
    const { h, job, id } = await forgotten();
    h.store.db.run(`update allocations set reason = 'Its node lacks curl.' where id = '${id}'`);
    h.slurm.keep(job, kept);
    await h.pass(15_000);
    expect(h.rows()).toMatchObject([{ outcome: 'slurm:OUT_OF_MEMORY', reason: 'Its node lacks curl.' }]);
  });
});

describe('accounting', () => {
  it('that is not there is told once, and asked again each hour', async () => {
    const { h } = await ended();
    await h.pass(hourMs - 60_000);
    expect(asked(h)).toBe(1);
    expect(told(h)).toEqual(['info']);
    await h.pass(2 * hourMs);
    expect(asked(h)).toBe(3);
    expect(told(h)).toEqual(['info']);
    // What nobody will ever tell is not kept for it.
    expect(due(h)).toEqual([0]);
  });

  it('that comes back has what ended meanwhile', async () => {
    const { h, job } = await ended();
    await h.pass(60_000);
    h.slurm.keep(job, kept);
    await h.pass(hourMs);
    expect(h.rows()).toMatchObject([{ peakMemoryMiB: 212 }]);
    expect(told(h)).toEqual(['info', 'info']);
  });

  it('in trouble is left alone for longer and longer', async () => {
    const { h, job } = await ended();
    h.slurm.keep(job, kept);
    h.slurm.faults.order('accounting', { kind: 'before', error: slurmFailures.timeout() }, 3);
    await h.pass(16 * 60_000);
    expect(asked(h)).toBe(3);
    await h.pass(20 * 60_000);
    expect(asked(h)).toBe(4);
    expect(h.counts.get('accounting_failed')).toBe(3);
    expect(h.rows()).toMatchObject([{ peakMemoryMiB: 212 }]);
  });

  it('that does not answer holds up nothing else', async () => {
    const { h } = await ended();
    h.slurm.records = [];
    const release = h.slurm.faults.hold('accounting');
    await h.pass(10_000);
    const turns = [h.tick()];
    await flush();
    expect(asked(h)).toBe(1);
    const submits = h.slurm.faults.count('submit');
    h.queue();
    turns.push(h.tick());
    await flush();
    expect(h.slurm.faults.count('submit')).toBe(submits + 1);
    expect(asked(h)).toBe(1);
    release();
    await Promise.all(turns);
  });
});
