/**
 * What the controller relies on, said once: held against real Slurm in each version of the API, and against the stand-in that
 * the fault sweeps use, so that it can't drift. Only what both can be held to is here: how Slurm words and numbers things is
 * in `contract.real.test.ts`.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WholeSlurm } from '../../src/controller/repair.ts';
import { SlurmError } from '../../src/domain/errors.ts';
import { failureOf } from '../support/failure-of.ts';
import { until } from '../support/until.ts';
import { quickRequest, submitRequest } from './submit-request.ts';

export interface SlurmUnderTest {
  readonly slurm: WholeSlurm;
  /** Resolves when the job runs, or has ended by itself. */
  started(id: number): Promise<void>;
  completed(id: number): Promise<void>;
}

export interface FaultySlurm extends SlurmUnderTest {
  /** slurmctld takes calls and does not answer; `resume` ends that. */
  suspend(): Promise<void>;
  resume(): Promise<void>;
  /** slurmctld is not there. */
  stopController(): Promise<void>;
  startController(): Promise<void>;
}

const failure = (call: Promise<unknown>): Promise<SlurmError> => failureOf(SlurmError, call);
const statesOf = async (slurm: WholeSlurm, id: number) => (await slurm.states([id])).get(id) ?? [];
const named = async (slurm: WholeSlurm, name: string) =>
  (await slurm.listJobs()).filter((job) => job.name === name);
const isCancelled = async (slurm: WholeSlurm, id: number) =>
  (await statesOf(slurm, id)).includes('CANCELLED');

export function slurmContract(what: string, start: () => Promise<SlurmUnderTest>): void {
  describe(`contract: ${what}`, () => {
    let under: SlurmUnderTest;
    let slurm: WholeSlurm;
    const ours: number[] = [];
    beforeAll(async () => {
      under = await start();
      slurm = under.slurm;
    });
    afterAll(async () => {
      const left = (await slurm.listJobs()).filter(({ id }) => ours.includes(id));
      await Promise.all(left.map((job) => slurm.cancel({ ...job, user: null })));
    });
    const submit = async (request = submitRequest()) => {
      const { id } = await slurm.submit(request);
      ours.push(id);
      return { id, name: request.name, user: null };
    };

    it('a job: submitted, listed, looked at, cancelled; cancelled again is no failure', async () => {
      const job = await submit();
      expect(job.id).toBeGreaterThan(0);
      await under.started(job.id);
      expect(await statesOf(slurm, job.id)).toEqual(['RUNNING']);
      expect(await slurm.job(job.id)).toMatchObject({
        id: job.id,
        name: job.name,
        states: ['RUNNING'],
        reason: null,
      });
      expect(await named(slurm, job.name)).toMatchObject([{ id: job.id, name: job.name }]);
      await slurm.cancel(job);
      await until(async () => (await statesOf(slurm, job.id)).join() === 'CANCELLED');
      await slurm.cancel(job);
      await slurm.cancelByName(job.name, null);
    });

    it('a comment of a running job is set, read again, and taken away; of one that is over it is not', async () => {
      const job = await submit();
      await under.started(job.id);
      const comment = `gs1:q:1:${'Ab-_'.repeat(230)}`;
      expect(await slurm.setComment(job, comment)).toBe(true);
      expect((await slurm.job(job.id))?.comment).toBe(comment);
      expect(await slurm.setComment(job, '')).toBe(true);
      expect((await slurm.job(job.id))?.comment).toBe('');
      await slurm.cancel(job);
      await until(async () => (await statesOf(slurm, job.id)).join() === 'CANCELLED');
      expect(await slurm.setComment(job, comment)).toBe(false);
      expect(await slurm.setComment({ id: 99_999, name: 'gha-nobody', user: null }, comment)).toBe(false);
    });

    it('a cancel spares a job whose name is another: numbers are used again', async () => {
      const job = await submit();
      await slurm.cancel({ ...job, name: `${job.name}-other` });
      await slurm.cancelByName(`${job.name}-other`, null);
      expect(await isCancelled(slurm, job.id)).toBe(false);
    });

    it('a name that two jobs have: found, and cancelled, both; nobody else is', async () => {
      const [request, other] = [submitRequest(), await submit()];
      const ids = [(await submit(request)).id, (await submit(request)).id];
      expect(ids[0]).not.toBe(ids[1]);
      expect((await named(slurm, request.name)).map(({ id }) => id).sort()).toEqual(ids.sort());
      await slurm.cancelByName(request.name, null);
      await until(async () => (await Promise.all(ids.map((id) => isCancelled(slurm, id)))).every(Boolean));
      expect(await isCancelled(slurm, other.id)).toBe(false);
    });

    it('many at once: each has a number of its own, and ends by its own cancel', async () => {
      const jobs = await Promise.all(Array.from({ length: 12 }, () => submit()));
      expect(new Set(jobs.map(({ id }) => id)).size).toBe(12);
      expect((await slurm.states(jobs.map(({ id }) => id))).size).toBe(12);
      await Promise.all(jobs.slice(1).map((job) => slurm.cancel(job)));
      await until(async () =>
        [...(await slurm.states(jobs.slice(1).map(({ id }) => id))).values()].every((states) =>
          states.includes('CANCELLED'),
        ),
      );
      expect(await isCancelled(slurm, jobs[0]?.id ?? 0)).toBe(false);
    });

    it('unknown numbers are left out of a listing, are null by themselves, and need no cancel', async () => {
      const job = await submit(quickRequest());
      expect([...(await slurm.states([job.id, 99_999])).keys()]).toEqual([job.id]);
      expect(await slurm.states([])).toEqual(new Map());
      expect(await slurm.job(99_999)).toBeNull();
      await slurm.cancel({ id: 99_999, name: 'gha-nobody', user: null });
      await slurm.cancelByName('gha-nobody', null);
      await under.completed(job.id);
      expect(await statesOf(slurm, job.id)).toEqual(['COMPLETED']);
      await slurm.cancel(job);
      expect(await statesOf(slurm, job.id)).toEqual(['COMPLETED']);
    });

    it('a refusal names its number, and there is no such job', async () => {
      const request = submitRequest({}, 'no-such-partition');
      expect(await failure(slurm.submit(request))).toMatchObject({
        kind: 'refused',
        errorNumber: 2000,
        notCreated: true,
      });
      expect(await named(slurm, request.name)).toEqual([]);
    });
  });
}

/** Each takes real Slurm 10 to 20 s. */
export const slurmFaults: Readonly<Record<string, (under: FaultySlurm) => Promise<void>>> = {
  async 'slurmctld takes calls and does not answer'({ slurm, ...under }) {
    const request = submitRequest();
    const known = submitRequest();
    const { id } = await slurm.submit(known);
    await under.suspend();
    // At the same time, since each waits for slurmrestd to give up.
    const failures = await Promise.all([
      failure(slurm.submit(request)),
      failure(slurm.states([id])),
      failure(slurm.job(id)),
      failure(slurm.cancel({ id, name: 'another', user: null })),
      failure(slurm.cancelByName('another', null)),
    ]);
    await under.resume();
    for (const error of failures) expect(error.kind).toBe('unavailable');
    // In doubt: once slurmctld goes on the job is there, and its name is enough to find and end it.
    expect(failures[0]?.notCreated).toBe(false);
    await until(async () => (await named(slurm, request.name).catch(() => [])).length === 1);
    await slurm.cancelByName(request.name, null);
    const [late] = await named(slurm, request.name);
    await until(() => isCancelled(slurm, late?.id ?? 0));
    expect(await isCancelled(slurm, id)).toBe(false);
  },

  async 'slurmctld is not there, and is back with what it knew'({ slurm, ...under }) {
    const [known, refused] = [submitRequest(), submitRequest()];
    const { id } = await slurm.submit(known);
    await under.started(id);
    await under.stopController();
    const [first, ...others] = await Promise.all([
      failure(slurm.submit(refused)),
      failure(slurm.states([id])),
      failure(slurm.job(id)),
      failure(slurm.cancel({ id, name: known.name, user: null })),
      failure(slurm.cancelByName(known.name, null)),
    ]);
    await under.startController();
    // Certainly nothing; and nothing is taken for "no such job".
    expect(first).toMatchObject({ kind: 'unavailable', errorNumber: 1800, notCreated: true });
    for (const error of others) expect(error.kind).toBe('unavailable');
    await until(async () => (await slurm.states([id]).catch(() => null))?.size === 1);
    expect(await named(slurm, refused.name)).toEqual([]);
    expect(await named(slurm, known.name)).toMatchObject([{ id, states: ['RUNNING'] }]);
    const next = await slurm.submit(submitRequest());
    expect(next.id).toBeGreaterThan(id);
  },
};
