/** After a restore: what the backup does not know of is found by a full comparison, and what is at work is left alone. */
import { describe, expect, it } from 'vitest';
import { repair } from '../../src/controller/repair.ts';
import { backUp } from '../../src/store/back-up.ts';
import { backupTakenAt } from '../../src/store/backup-mark.ts';
import { Harness } from './harness.ts';
import { gitHubFailures } from './in-process-github.ts';
import { type InProcessJob, slurmFailures } from './in-process-slurm.ts';

async function backUpOf(harness: Harness): Promise<string> {
  const file = `${harness.path}.backup`;
  const signal = AbortSignal.timeout(10_000);
  await backUp({ databasePath: harness.path, file, force: true, nowMs: harness.clock.wallMs(), signal });
  return file;
}

/** Two jobs are queued after the backup was taken: one is being run, the other one waits in Slurm. */
async function restored(): Promise<{ harness: Harness; running: InProcessJob; waiting: InProcessJob }> {
  const harness = new Harness();
  const backup = await backUpOf(harness);
  harness.queue(2);
  await harness.tick();
  const [running, waiting] = harness.slurm.live();
  if (running === undefined || waiting === undefined) throw new Error('two were to be submitted');
  const { runnerName } = await harness.startAndClaim(running);
  harness.take(runnerName);
  harness.restore(backup);
  return { harness, running, waiting };
}

const compare = (harness: Harness, dryRun = false) => repair(harness.parts(), { dryRun });
const doneOf = (findings: readonly { readonly done: string }[]) => findings.map(({ done }) => done);
const callsOf = (harness: Harness, ...names: readonly string[]) =>
  [...harness.slurm.faults.calls, ...harness.github.faults.calls].filter(({ name }) => names.includes(name));

describe('a repair after a restore', () => {
  it('cancels what no row holds, by id and name, and leaves what works on a job', async () => {
    const { harness, running, waiting } = await restored();
    const findings = await compare(harness);
    expect(findings.map(({ what }) => what)).toEqual([
      `Slurm job ${running.id} (${running.name}) is RUNNING, and no live allocation holds it`,
      `Slurm job ${waiting.id} (${waiting.name}) is PENDING, and no live allocation holds it`,
    ]);
    expect(doneOf(findings)).toEqual([
      expect.stringMatching(/^left: its runner gha-\S+-1 works on a job$/),
      'cancelled it: it does not run',
    ]);
    expect(running.states).toEqual(['RUNNING']);
    expect(callsOf(harness, 'cancel', 'cancelByName')).toEqual([
      { name: 'cancel', about: { id: waiting.id, name: waiting.name, user: null } },
    ]);
    expect(doneOf(await compare(harness))).toEqual([expect.stringMatching(/^left/)]);
  });

  it('leaves what works on a job, though its submit was under way when the backup was taken', async () => {
    const harness = new Harness();
    harness.slurm.faults.order('submit', { kind: 'before', error: slurmFailures.controllerDown() });
    harness.queue();
    await harness.tick();
    const backup = await backUpOf(harness);
    await harness.tick();
    const { runnerName } = await harness.startAndClaim(harness.theJob());
    harness.take(runnerName);
    harness.restore(backup);
    expect(doneOf(await compare(harness))).toEqual([expect.stringMatching(/^left: its runner/)]);
    await harness.pass(60_000);
    expect(harness.theJob().states).toEqual(['RUNNING']);
    expect(callsOf(harness, 'cancel', 'cancelByName')).toEqual([]);
  });

  it('deregisters a runner before it cancels its Slurm job', async () => {
    const { harness, waiting } = await restored();
    const name = `${waiting.name}-1`;
    harness.github.state.addRunner('acme/app', name, ['slurm-small']);
    const order: string[] = [];
    const { deregister } = harness.github;
    harness.github.deregister = (...given) => {
      order.push('deregister');
      return deregister.apply(harness.github, given);
    };
    harness.slurm.onCancel = () => order.push('cancel');
    expect(doneOf(await compare(harness))).toContain(`deregistered its runner ${name} and cancelled it`);
    expect(order).toEqual(['deregister', 'cancel']);
    expect(harness.github.find(name)).toBeUndefined();
  });

  it('leaves a Slurm job whose runner gets a job at that moment', async () => {
    const { harness, waiting } = await restored();
    harness.slurm.start(waiting);
    const runner = harness.github.state.addRunner('acme/app', `${waiting.name}-1`, ['slurm-small']);
    harness.github.deregister = async () => 'busy';
    const findings = await compare(harness);
    expect(runner).not.toBeNull();
    expect(doneOf(findings)).toContain(`left: its runner ${waiting.name}-1 has just got a job`);
    expect(waiting.states).toEqual(['RUNNING']);
  });

  it('deletes registrations that belong to nothing, and none of another instance', async () => {
    const { harness } = await restored();
    const { state } = harness.github;
    const ours = `gha-${harness.store.instanceId}-aaaaaaaaaaaaaaaa-1`;
    for (const name of [ours, 'gha-neighbor-aaaaaaaaaaaaaaaa-1', 'somebody']) {
      state.addRunner('acme/app', name, ['slurm-small']);
    }
    const findings = await compare(harness);
    expect(findings.filter(({ what }) => what.includes(ours)).map(({ done }) => done)).toEqual([
      'deregistered it',
    ]);
    expect([...state.runners.values()].map(({ name }) => name).slice(-2)).toEqual([
      'gha-neighbor-aaaaaaaaaaaaaaaa-1',
      'somebody',
    ]);
  });

  it('cancels no Slurm job of another instance', async () => {
    const { harness } = await restored();
    const neighbour = harness.slurm.add('gha-neighbor-aaaaaaaaaaaaaaaa');
    expect((await compare(harness)).some(({ what }) => what.includes(neighbour.name))).toBe(false);
    expect(neighbour.states).toEqual(['PENDING']);
  });

  it('ends rows whose Slurm job is over, gone, or of another name, each with what Slurm says', async () => {
    const harness = new Harness();
    harness.queue(3);
    await harness.tick();
    const backup = await backUpOf(harness);
    const [over, gone, renamed] = harness.slurm.live();
    if (over === undefined || gone === undefined || renamed === undefined) throw new Error('three submits');
    harness.slurm.end(over, 'NODE_FAIL');
    harness.slurm.forget(gone);
    harness.slurm.jobs.set(renamed.id, { ...renamed, name: 'a job of somebody else' });
    harness.restore(backup);
    expect(doneOf(await compare(harness, true))).toEqual(Array(3).fill('would end it'));
    expect(harness.live()).toHaveLength(3);
    expect(doneOf(await compare(harness))).toEqual(Array(3).fill('ended it'));
    expect(harness.rows().map(({ outcome }) => outcome)).toEqual([
      'slurm:NODE_FAIL',
      'slurm:GONE',
      'slurm:GONE',
    ]);
  });

  it('changes nothing on a dry run, and says what it would do', async () => {
    const { harness } = await restored();
    const before = harness.rows();
    const findings = await compare(harness, true);
    expect(doneOf(findings)[1]).toBe('would cancel it: it does not run');
    expect(callsOf(harness, 'cancel', 'cancelByName', 'deregister')).toEqual([]);
    expect(harness.rows()).toEqual(before);
    expect(backupTakenAt(harness.store.db)).not.toBeNull();
  });

  it('takes the mark of a backup away when nothing is left to do, and not before', async () => {
    const { harness, waiting } = await restored();
    harness.slurm.faults.order('cancel', { kind: 'before', error: slurmFailures.timeout() });
    const first = await compare(harness);
    expect(first[1]).toMatchObject({
      settled: false,
      done: expect.stringMatching(/^failed: .* Run it again\.$/),
    });
    expect(backupTakenAt(harness.store.db)).not.toBeNull();
    await compare(harness);
    expect(waiting.states).toEqual(['CANCELLED']);
    expect(backupTakenAt(harness.store.db)).toBeNull();
  });

  it.each([
    [
      'Slurm',
      (harness: Harness) =>
        harness.slurm.faults.order('listJobs', { kind: 'before', error: slurmFailures.timeout() }),
    ],
    [
      'GitHub',
      (harness: Harness) =>
        harness.github.faults.order('runners', { kind: 'before', error: gitHubFailures.unavailable() }),
    ],
  ])('does nothing when %s does not list everything', async (_side, fail) => {
    const { harness, waiting } = await restored();
    fail(harness);
    await expect(compare(harness)).rejects.toThrow();
    expect(waiting.states).toEqual(['PENDING']);
    expect(backupTakenAt(harness.store.db)).not.toBeNull();
  });

  it('leaves a world in which the service goes on: every job gets done, one allocation each', async () => {
    const { harness, running } = await restored();
    await compare(harness);
    await harness.tick();
    const fresh = harness.slurm.live().filter(({ id }) => id !== running.id);
    expect(fresh).toHaveLength(1);
    expect(harness.live()).toHaveLength(1);
  });
});
