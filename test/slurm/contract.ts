/** What the service relies on, said once and held against the stand-in and against real Slurm in each version. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SlurmError } from '../../src/domain/errors.ts';
import { createSlurmClient, type SlurmClient } from '../../src/slurm/create-slurm-client.ts';
import type { SubmitRequest } from '../../src/slurm/submit-body.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

export interface SlurmUnderTest {
  readonly url: string;
  readonly user: string;
  mintToken(options?: { user?: string; lifeSeconds?: number }): string;
  /** slurmctld takes calls and does not answer; `resume` ends that. */
  suspend(): Promise<void>;
  resume(): Promise<void>;
  /** slurmctld is not there. */
  stopController(): Promise<void>;
  startController(): Promise<void>;
  stop(): Promise<void>;
}

export const apiVersions = ['v0.0.40', 'v0.0.41', 'v0.0.42'] as const;

let names = 0;
export function submitRequest(overrides: Partial<SubmitRequest> = {}, partition = 'ci'): SubmitRequest {
  names += 1;
  return {
    name: `gha-test-${process.pid}-${names}`,
    user: null,
    profile: { name: 'small', partition, cpus: 1, memoryMiB: 512, timeLimitMinutes: 5 },
    script: '#!/bin/bash\nsleep 60\n',
    environment: { PATH: '/usr/bin:/bin', SPACES: 'a b "c"' },
    workingDirectory: '/tmp',
    output: '/dev/null',
    timeLimitWarningSeconds: 60,
    ...overrides,
  };
}

export function slurmContract(what: string, start: () => Promise<SlurmUnderTest>): void {
  describe(`slurmrestd contract: ${what}`, () => {
    let slurm: SlurmUnderTest;
    const complaints: string[] = [];

    const client = (apiVersion: string, token = slurm.mintToken(), timeLimitMs = 30_000): SlurmClient =>
      createSlurmClient({
        url: slurm.url,
        user: slurm.user,
        token: () => token,
        apiVersion,
        timeLimitMs,
        log: { warn: () => undefined, error: (data) => complaints.push(JSON.stringify(data)) },
      });

    beforeAll(async () => {
      slurm = await start();
    });
    afterAll(async () => {
      await slurm.stop();
      expect(complaints, 'nothing that was sent is ignored').toEqual([]);
    });

    const statesOf = async (api: SlurmClient, id: number) => (await api.states([id]))[0]?.states ?? [];
    const failure = (call: Promise<unknown>) =>
      call.then(
        () => null,
        (error: unknown) => (error instanceof SlurmError ? error : new Error(`not a SlurmError: ${error}`)),
      );

    it('finds the newest version that both sides know', async () => {
      expect(await client('auto').apiVersion()).toBe('v0.0.42');
    });

    it.each(apiVersions)('%s: submits, lists, looks and cancels', async (version) => {
      const api = client(version);
      const request = submitRequest();
      const { id } = await api.submit(request);
      expect(id).toBeGreaterThan(0);
      await until(async () => (await statesOf(api, id)).includes('RUNNING'));
      expect(await api.job(id)).toMatchObject({ id, name: request.name, states: ['RUNNING'] });
      await api.cancel({ id, name: request.name });
      await until(async () => (await statesOf(api, id)).join() === 'CANCELLED');
      await api.cancel({ id, name: request.name });
    });

    it.each(apiVersions)('%s: spares a job whose name is another', async (version) => {
      const api = client(version);
      const request = submitRequest();
      const { id } = await api.submit(request);
      await api.cancel({ id, name: `${request.name}-other` });
      await api.cancelByName(`${request.name}-other`);
      expect(await statesOf(api, id)).not.toContain('CANCELLED');
      await api.cancelByName(request.name);
      await until(async () => (await statesOf(api, id)).includes('CANCELLED'));
    });

    it.each(apiVersions)('%s: leaves unknown jobs out, and says null for one', async (version) => {
      const api = client(version);
      const { id } = await api.submit(submitRequest({ script: '#!/bin/bash\nexit 0\n' }));
      expect((await api.states([id, 99_999])).map((job) => job.id)).toEqual([id]);
      expect(await api.states([])).toEqual([]);
      expect(await api.job(99_999)).toBeNull();
      await api.cancel({ id: 99_999, name: 'gha-nobody' });
      await until(async () => (await statesOf(api, id)).join() === 'COMPLETED');
    });

    it('lists more jobs than fit in a URL', async () => {
      const api = client('auto');
      const { id } = await api.submit(submitRequest());
      const many = [...Array.from({ length: 3_000 }, (_, index) => 1_000_000 + index), id];
      expect((await api.states(many)).map((job) => job.id)).toEqual([id]);
    });

    it.each(apiVersions)('%s: says what Slurm refuses, by number', async (version) => {
      const error = await failure(client(version).submit(submitRequest({}, 'no-such-partition')));
      expect(error).toMatchObject({ kind: 'refused', errorNumber: 2000, notCreated: true });
    });

    it('takes GPUs and a time limit', async () => {
      const profile = {
        name: 'gpu',
        partition: 'gpu',
        cpus: 2,
        memoryMiB: 1024,
        timeLimitMinutes: 5,
        gres: 'gpu:1',
      };
      const api = client('auto');
      const { id, warnings } = await api.submit(submitRequest({ profile }));
      expect(warnings).toEqual([]);
      await until(async () => (await statesOf(api, id)).includes('RUNNING'));
    });

    it.each([
      ['garbage', () => 'not-a-token'],
      ['expired', () => slurm.mintToken({ lifeSeconds: -10 })],
    ])('%s token: nothing was created, and the sentence names the setting', async (_what, token) => {
      const api = client('v0.0.42', token());
      for (const call of [() => api.submit(submitRequest()), () => api.states([1])]) {
        const error = await failure(call());
        expect(error).toMatchObject({ kind: 'auth', notCreated: true });
        expect(error?.message).toContain('slurm.token');
        expect(error?.message).not.toContain(token());
      }
    });

    it('a token renewed meanwhile is taken at once', async () => {
      const tokens = [slurm.mintToken({ lifeSeconds: -10 }), slurm.mintToken()];
      let asked = 0;
      const api = createSlurmClient({
        url: slurm.url,
        user: slurm.user,
        // The first look and the first call see the old one.
        token: () => tokens[asked++ < 2 ? 0 : 1] ?? '',
        apiVersion: 'v0.0.42',
        log: { warn: () => undefined, error: () => undefined },
      });
      expect(await api.states([])).toEqual([]);
    });

    it('an unknown version is a fault of the configuration, and nothing was created', async () => {
      expect(await failure(client('v0.0.7').submit(submitRequest()))).toMatchObject({
        kind: 'protocol',
        notCreated: true,
      });
    });

    it('a submit without an answer is in doubt, and takes effect later', async () => {
      const api = client('v0.0.42');
      const request = submitRequest();
      await slurm.suspend();
      const error = await failure(client('v0.0.42', undefined, 15_000).submit(request));
      await slurm.resume();
      expect(error).toMatchObject({ kind: 'unavailable', notCreated: false });
      // Once slurmctld goes on, the name is found and cancelled, whenever that is.
      await until(async () => {
        await api.cancelByName(request.name);
        return (await api.states(Array.from({ length: 200 }, (_, index) => index + 1))).some((job) =>
          job.states.includes('CANCELLED'),
        );
      });
    });

    it('a submit without slurmctld creates nothing, and a listing is a failure', async () => {
      const api = client('v0.0.42');
      await slurm.stopController();
      expect(await failure(api.submit(submitRequest()))).toMatchObject({
        kind: 'unavailable',
        notCreated: true,
        errorNumber: 1800,
      });
      expect(await failure(api.states([1]))).toMatchObject({ kind: 'unavailable' });
      await slurm.startController();
      await until(async () => (await failure(api.states([1]))) === null);
    });

    it('an address where nothing listens is said as such', async () => {
      const api = createSlurmClient({
        url: `http://127.0.0.1:${await freePort()}`,
        user: 'gha',
        token: () => 'secret-token',
        apiVersion: 'auto',
        log: { warn: () => undefined, error: () => undefined },
      });
      const error = await failure(api.submit(submitRequest()));
      expect(error).toMatchObject({ kind: 'unavailable', notCreated: true });
      expect(error?.message).toContain('slurm.url');
    });
  });
}
