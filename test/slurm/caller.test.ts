/** What comes of a call before and after its answer: the version, the token, a Slurm in trouble, a proxy in front. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { AtOnce } from '../../src/domain/at-once.ts';
import { OperatorError, SlurmError } from '../../src/domain/errors.ts';
import { slurmEndpoint } from '../../src/slurm/connect.ts';
import { createSlurmClient } from '../../src/slurm/create-slurm-client.ts';
import { failureOf } from '../support/failure-of.ts';
import { fixedToken } from '../support/fixed-token.ts';
import { until } from '../support/until.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { type Asked, refusal, type Scripted, slurmrestd } from './scripted-slurmrestd.ts';
import { submitRequest } from './submit-request.ts';

describe('the version', () => {
  const pings =
    (served: () => readonly string[], release: () => string = () => '24.11.5') =>
    (asked: Asked) =>
      served().some((version) => asked.call.includes(version))
        ? { body: { errors: [], jobs: [], meta: { slurm: { release: release() } } } }
        : { status: 404, type: 'text/plain', body: 'Unable find requested URL' };
  const callsOf = (asked: readonly Asked[]) => asked.map(({ call }) => call);

  it('is the newest that both sides know, looked for once', async () => {
    const served = ['v0.0.40', 'v0.0.42', 'v0.0.46'];
    const { client, asked } = await slurmrestd(
      pings(() => served),
      { apiVersion: 'auto' },
    );
    await client.states([1]);
    await client.states([1]);
    expect(callsOf(asked)).toEqual([
      'GET v0.0.45/ping/',
      'GET v0.0.44/ping/',
      'GET v0.0.43/ping/',
      'GET v0.0.42/ping/',
      'GET v0.0.42/jobs/state/',
      'GET v0.0.42/jobs/state/',
    ]);
  });

  it('that is not served any more: another one is looked for, and the call sent again, a submit too', async () => {
    let served = ['v0.0.41'];
    const { client, asked } = await slurmrestd(
      (record) =>
        record.call.endsWith('submit') && served[0] === 'v0.0.45'
          ? record.call.includes('v0.0.45')
            ? { body: { job_id: 7, errors: [] } }
            : { status: 404, type: 'text/plain', body: 'Unable find requested URL' }
          : pings(() => served)(record),
      { apiVersion: 'auto' },
    );
    await client.states([1]);
    served = ['v0.0.45'];
    expect(await client.submit(submitRequest())).toMatchObject({ id: 7 });
    expect(callsOf(asked).slice(-3)).toEqual([
      'POST v0.0.41/job/submit',
      'GET v0.0.45/ping/',
      'POST v0.0.45/job/submit',
    ]);
  });

  it('a newer one is taken after a restart that no call has noticed: answers come from another release', async () => {
    let [served, release] = [['v0.0.42'], '24.11.5'];
    const { client } = await slurmrestd(
      pings(
        () => served,
        () => release,
      ),
      { apiVersion: 'auto' },
    );
    await client.states([1]);
    [served, release] = [['v0.0.42', 'v0.0.45'], '26.05.5'];
    await client.states([1]);
    await client.states([1]);
    expect(await client.apiVersion()).toBe('v0.0.45');
  });

  it('a newer one is taken after a failure that may have been a restart', async () => {
    let served: string[] = ['v0.0.42'];
    const { client } = await slurmrestd(
      (record) => (served.length === 0 ? { body: '{', cutAfter: 0 } : pings(() => served)(record)),
      { apiVersion: 'auto' },
    );
    await client.states([1]);
    served = [];
    expect(await failureOf(SlurmError, client.states([1]))).toMatchObject({ kind: 'unavailable' });
    served = ['v0.0.42', 'v0.0.44'];
    await client.states([1]);
    expect(await client.apiVersion()).toBe('v0.0.44');
  });

  it('a submit before which none could be looked for was not sent', async () => {
    const { client, asked } = await slurmrestd(() => ({ body: '{', cutAfter: 0 }), { apiVersion: 'auto' });
    expect(await failureOf(SlurmError, client.submit(submitRequest()))).toMatchObject({
      kind: 'unavailable',
      notCreated: true,
    });
    expect(callsOf(asked)).toEqual(['GET v0.0.45/ping/']);
  });

  it("none, since a proxy has no such path: the proxy's page is said", async () => {
    const { client } = await slurmrestd(
      () => ({ status: 404, type: 'text/html', body: '<html><title>404 Not Found</title></html>' }),
      { apiVersion: 'auto' },
    );
    expect((await failureOf(SlurmError, client.states([1]))).message).toMatch(
      /check slurm\.url.*The last answer: A proxy answers.*404 Not Found/,
    );
  });

  it('is that which a submit is sent in where its further fields are judged', async () => {
    // v0.0.41 knows `oversubscribe`, and v0.0.42 does not.
    let served = ['v0.0.41'];
    const { client, asked } = await slurmrestd(
      (record) =>
        record.call.endsWith('submit') && served.some((version) => record.call.includes(version))
          ? { body: { job_id: 7, errors: [] } }
          : pings(() => served)(record),
      { apiVersion: 'auto' },
    );
    const request = submitRequest();
    const submit = () =>
      client.submit({ ...request, profile: { ...request.profile, extra: { oversubscribe: true } } });
    expect(await submit()).toMatchObject({ id: 7 });
    served = ['v0.0.45'];
    expect(await failureOf(SlurmError, submit())).toMatchObject({ kind: 'refused', notCreated: true });
    expect(callsOf(asked).filter((call) => call.endsWith('submit'))).toEqual([
      'POST v0.0.41/job/submit',
      'POST v0.0.41/job/submit',
    ]);
  });

  it('none in common: says which would do', async () => {
    const { client } = await slurmrestd(
      pings(() => []),
      { apiVersion: 'auto' },
    );
    expect((await failureOf(SlurmError, client.states([1]))).message).toMatch(
      /serves none of v0\.0\.45, v0\.0\.44, .*v0\.0\.40/,
    );
  });
});

describe('a call', () => {
  it('waits for its turn: no more than a few at once', async () => {
    const held: (() => void)[] = [];
    let holds = true;
    const server = createServer((_request, response) => {
      const answer = () =>
        void response.setHeader('Content-Type', 'application/json').end('{"job_id":7,"errors":[]}');
      if (holds) held.push(answer);
      else answer();
    });
    const url = await listening(server);
    const api = clientOf(url);
    const submits = Array.from({ length: 3 * AtOnce.first }, () => api.submit(submitRequest()));
    await until(() => held.length >= AtOnce.first);
    // Others would have been here before one that is sent now, and is held like them.
    const later = fetch(url, { method: 'POST' });
    await until(() => held.length > AtOnce.first);
    expect(held.length).toBe(AtOnce.first + 1);
    holds = false;
    for (const answer of held) answer();
    expect((await Promise.all(submits)).length).toBe(3 * AtOnce.first);
    await (await later).arrayBuffer();
  });

  it('is given up when the time for one of its kind is over', async () => {
    const asked = Promise.withResolvers<void>();
    const server = createServer(() => asked.resolve());
    const api = clientOf(await listening(server));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    let error: unknown = null;
    const call = api.submit(submitRequest()).catch((reason: unknown) => {
      error = reason;
    });
    await asked.promise;
    vi.advanceTimersByTime(39_999);
    await new Promise(setImmediate);
    expect(error).toBeNull();
    vi.advanceTimersByTime(1);
    await call;
    expect(error).toMatchObject({ kind: 'unavailable', notCreated: false });
  });

  async function listening(server: Server): Promise<string> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** With the limits that the service has. */
  const clientOf = (url: string) =>
    createSlurmClient({
      endpoints: [slurmEndpoint(url)],
      user: 'gha',
      tokenFor: fixedToken('token'),
      apiVersion: 'v0.0.42',
      clock: new VirtualClock(),
      log: { warn: () => undefined, error: () => undefined },
    });
});

describe('the token', () => {
  const good = { body: { job_id: 7, errors: [], jobs: [] } };
  const needs =
    (wanted: string) =>
    ({ token }: Asked) =>
      token === wanted ? good : refusal(1007, 511);

  it('refused: renewed once, and the call sent again when there is another', async () => {
    const { client, asked } = await slurmrestd(needs('new'), {
      tokenFor: () => ({ current: async () => 'old', renew: async () => 'new' }),
    });
    expect(await client.submit(submitRequest())).toMatchObject({ id: 7 });
    expect(asked.map((record) => record.token)).toEqual(['old', 'new']);
  });

  it('refused, and there is no other: said once, with what to do, and without the token', async () => {
    const { client, asked } = await slurmrestd(() => refusal(1007, 511), {
      tokenFor: fixedToken('jwt-secret'),
    });
    const error = await failureOf(SlurmError, client.states([1]));
    expect(error.message).toContain('slurm.token');
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('jwt-secret');
    expect(asked.length).toBe(1);
  });

  it('refused, and its successor too: said, and not tried again for this call', async () => {
    const { client, asked } = await slurmrestd(needs('none'), {
      tokenFor: () => ({ current: async () => 'old', renew: async () => 'new' }),
    });
    expect(await failureOf(SlurmError, client.states([1]))).toMatchObject({ kind: 'auth' });
    expect(asked.length).toBe(2);
  });

  it('that can not be had: nothing was sent, and the sentence is that of its source', async () => {
    const fails = () => Promise.reject(new OperatorError('The token file is empty.'));
    const { client, asked } = await slurmrestd(needs('none'), {
      tokenFor: () => ({ current: fails, renew: fails }),
    });
    const error = await failureOf(SlurmError, client.submit(submitRequest()));
    expect(error).toMatchObject({ kind: 'auth', notCreated: true });
    expect(error.message).toContain('The token file is empty.');
    expect(asked).toEqual([]);
  });
});

describe('a Slurm in trouble', () => {
  it('is left alone after three failures in a row: a submit is not sent then, and is not in doubt', async () => {
    let up = false;
    const { client, asked, clock } = await slurmrestd(() =>
      up ? { body: { job_id: 7, jobs: [], errors: [] } } : refusal(5004, 504),
    );
    for (let call = 0; call < 3; call += 1)
      expect(await failureOf(SlurmError, client.states([1]))).toMatchObject({ errorNumber: 5004 });
    const error = await failureOf(SlurmError, client.submit(submitRequest()));
    expect(error).toMatchObject({ kind: 'unavailable', notCreated: true });
    expect(error.message).toMatch(/^Not sent .*slurmctld and slurmrestd/);
    expect(asked.length).toBe(3);
    clock.advance(2_000);
    up = true;
    // A look finds out first.
    expect(await failureOf(SlurmError, client.submit(submitRequest()))).toMatchObject({ notCreated: true });
    expect(await client.states([1])).toEqual(new Map());
    expect(await client.submit(submitRequest())).toMatchObject({ id: 7 });
  });

  it('a wrong token and a refused submit are answers, and no trouble', async () => {
    const { client, asked } = await slurmrestd((_asked, count) =>
      count < 5 ? refusal(1007, 511) : refusal(2000),
    );
    for (let call = 0; call < 5; call += 1) await failureOf(SlurmError, client.states([1]));
    for (let call = 0; call < 5; call += 1) await failureOf(SlurmError, client.submit(submitRequest()));
    expect(asked.length).toBe(10);
  });
});

describe('a proxy in front', () => {
  const page = (status: number, title: string): Scripted => ({
    status,
    type: 'text/html',
    body: `<html><head><title>${title}</title></head><body>nginx</body></html>`,
  });

  it.each([
    [
      502,
      '502 Bad Gateway',
      'unavailable',
      false,
      /^A proxy in front of slurmrestd answers .*502 Bad Gateway/,
    ],
    [504, '504 Gateway Time-out', 'unavailable', false, /^A proxy in front of slurmrestd answers/],
    [404, '404 Not Found', 'protocol', true, /^A proxy answers, and does not pass.*slurm\.url/],
    [401, '401 Authorization Required', 'auth', true, /^A proxy in front of slurmrestd asks/],
  ] as const)('answers %i with a page', async (status, title, kind, notCreated, words) => {
    const { client } = await slurmrestd(() => page(status, title));
    const error = await failureOf(SlurmError, client.submit(submitRequest()));
    expect(error).toMatchObject({ kind, notCreated });
    expect(error.message).toMatch(words);
  });

  it('that sends us elsewhere is not followed: the token is for slurmrestd', async () => {
    const { client, asked } = await slurmrestd(() => ({
      status: 307,
      headers: { Location: '/elsewhere' },
      type: 'text/html',
      body: '<html>',
    }));
    expect(await failureOf(SlurmError, client.submit(submitRequest()))).toMatchObject({
      kind: 'protocol',
      notCreated: true,
    });
    expect(asked.length).toBe(1);
  });
});

it('an error that carries a job id is in doubt: the job was made', async () => {
  const { client } = await slurmrestd(() => ({
    status: 500,
    body: { job_id: 9, errors: [{ error_number: 2000, error: 'x' }] },
  }));
  expect(await failureOf(SlurmError, client.submit(submitRequest()))).toMatchObject({ notCreated: false });
});
