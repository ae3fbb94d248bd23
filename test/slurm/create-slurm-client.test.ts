/** What the client makes of answers that a healthy Slurm does not give; the contract holds the others on real Slurm. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { OperatorError, SlurmError } from '../../src/domain/errors.ts';
import { slurmEndpoint } from '../../src/slurm/connect.ts';
import { createSlurmClient, type SlurmClientOptions } from '../../src/slurm/create-slurm-client.ts';
import { failureOf } from '../support/failure-of.ts';
import { fixedToken } from '../support/fixed-token.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { submitRequest } from './submit-request.ts';

interface Scripted {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly type?: string;
  readonly body: string | object;
  /** The connection ends after so many bytes of the body. */
  readonly cutAfter?: number;
}
interface Asked {
  readonly call: string;
  readonly query: string;
  readonly token: string;
  readonly body: unknown;
}

async function slurmrestd(
  answer: (asked: Asked, count: number) => Scripted,
  options: Partial<SlurmClientOptions> = {},
) {
  const asked: Asked[] = [];
  const logged: object[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://slurm');
      const text = Buffer.concat(chunks).toString();
      const record = {
        call: `${request.method} ${url.pathname.replace('/slurm/', '')}`,
        query: url.search,
        token: String(request.headers['x-slurm-user-token']),
        body: text === '' ? null : (JSON.parse(text) as unknown),
      };
      const {
        status = 200,
        type = 'application/json',
        headers = {},
        body,
        cutAfter,
      } = answer(record, asked.length);
      asked.push(record);
      const whole = typeof body === 'string' ? body : JSON.stringify(body);
      response.writeHead(status, {
        'Content-Type': type,
        'Content-Length': Buffer.byteLength(whole),
        ...headers,
      });
      if (cutAfter === undefined) response.end(whole);
      else response.write(whole.slice(0, cutAfter), () => response.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clock = new VirtualClock();
  const client = createSlurmClient({
    endpoints: [slurmEndpoint(url)],
    user: 'gha',
    tokenFor: fixedToken('token'),
    apiVersion: 'v0.0.42',
    clock,
    timeLimitMs: 2_000,
    log: { warn: () => undefined, error: (data) => void logged.push(data) },
    ...options,
  });
  return { client, asked, logged, url, clock };
}

const refusal = (error_number: number, status = 500): Scripted => ({
  status,
  body: { errors: [{ error_number, error: 'words', description: 'of Slurm' }], warnings: [] },
});

describe('what a failed submit means', () => {
  it.each([
    ['1007 with 511: the token', refusal(1007, 511), 'auth', true],
    ['1800: slurmctld was not reached', refusal(1800), 'unavailable', true],
    ['2000: the partition', refusal(2000), 'refused', true],
    ['2999', refusal(2999), 'refused', true],
    ['9000: not of the description', refusal(9000, 400), 'refused', true],
    ['5004: sent, and not answered', refusal(5004), 'unavailable', false],
    ['1: something', refusal(1), 'unavailable', false],
    ['an error without a number', { status: 500, body: { errors: [{ error: 'x' }] } }, 'unavailable', false],
    ['errors in an answer with 200', refusal(2015, 200), 'refused', true],
    [
      '404 in plain text',
      { status: 404, type: 'text/plain', body: 'Unable find requested URL' },
      'protocol',
      true,
    ],
    ["a proxy's 502", { status: 502, type: 'text/html', body: '<html>' }, 'unavailable', false],
    ['504', { status: 504, type: 'text/html', body: '' }, 'unavailable', false],
    ["a proxy's page with 200", { type: 'text/html', body: '<html>' }, 'unavailable', false],
    ['an answer that breaks off', { body: { job_id: 7, errors: [] }, cutAfter: 9 }, 'unavailable', false],
    ['an answer without a job id', { body: { errors: [] } }, 'unavailable', false],
    ['null', { body: 'null' }, 'unavailable', false],
  ] as const)('%s', async (_what, scripted, kind, notCreated) => {
    const { client, asked } = await slurmrestd(() => scripted);
    expect(await failureOf(SlurmError, client.submit(submitRequest()))).toMatchObject({ kind, notCreated });
    expect(asked.length).toBe(1);
  });
});

describe('listings', () => {
  it.each([
    ['null: slurmctld did not answer', { body: { jobs: null, errors: [] } }],
    ['without a list', { body: { errors: [] } }],
    ['that breaks off', { body: { jobs: [{ job_id: '1', state: ['RUNNING'] }] }, cutAfter: 20 }],
  ] as const)('%s is a failure, and not an empty one', async (_what, scripted) => {
    const { client } = await slurmrestd(() => scripted);
    expect(await failureOf(SlurmError, client.states([1, 2]))).toMatchObject({ kind: 'unavailable' });
  });

  it('asks for its own ids, each as a parameter; above 400 for all in one call', async () => {
    const jobs = [
      { job_id: '1', state: ['RUNNING'] },
      { job_id: '2_3', state: ['RUNNING'] },
      { job_id: '9', state: ['PENDING'] },
    ];
    const { client, asked } = await slurmrestd(() => ({ body: { jobs, errors: [] } }));
    const states = new Map([
      [1, ['RUNNING']],
      [9, ['PENDING']],
    ]);
    expect(await client.states([1, 9])).toEqual(states);
    expect(asked[0]?.query).toBe('?job_id=1&job_id=9');
    const many = Array.from({ length: 401 }, (_, index) => index + 1);
    expect(await client.states(many)).toEqual(states);
    expect(asked[1]?.query).toBe('');
    expect(await client.states([])).toEqual(new Map());
  });
});

describe('cancels', () => {
  it('by id and name in one request; by name with its user; never without a name', async () => {
    const { client, asked } = await slurmrestd(() => ({ body: { status: [], errors: [] } }));
    await client.cancel({ id: 7, name: 'gha-i-a', user: null });
    await client.cancelByName('gha-i-a', null);
    expect(asked.map(({ call, body }) => [call, body])).toEqual([
      ['DELETE v0.0.42/jobs/', { jobs: ['7'], job_name: 'gha-i-a', user_name: 'gha' }],
      ['DELETE v0.0.42/jobs/', { job_name: 'gha-i-a', user_name: 'gha' }],
    ]);
    await expect(client.cancelByName('', null)).rejects.toThrow('needs a job name');
    expect(asked.length).toBe(2);
  });

  it.each([2017, 2021, 2172])('%i says that nothing of it is there: done', async (code) => {
    const { client } = await slurmrestd((_asked, count) =>
      count === 0 ? refusal(code) : { body: { errors: [], status: [{ error: { code, message: 'x' } }] } },
    );
    await client.cancel({ id: 7, name: 'n', user: null });
    await client.cancel({ id: 7, name: 'n', user: null });
  });

  it('a failure of one job in an answer without errors is a failure', async () => {
    const { client } = await slurmrestd(() => ({
      body: { errors: [], status: [{ error: { code: 5, message: 'x' } }] },
    }));
    expect(await failureOf(SlurmError, client.cancel({ id: 7, name: 'n', user: null }))).toMatchObject({
      notCreated: false,
    });
  });
});

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

describe('warnings', () => {
  it.each([
    ['Ignoring unknown field "bogus" of type string in DATA_PARSER_JOB_DESC_MSG'],
    ['Expected OpenAPI type=array (Slurm type=list) but got OpenAPI type=object (Slurm type=dictionary)'],
  ])('%s: logged as an error, whatever call it was', async (description) => {
    const warnings = [{ description: `${description}: {"TOKEN":"a claim token"}`, source: '#/job/bogus/' }];
    const { client, logged } = await slurmrestd(() => ({
      body: { job_id: 7, errors: [], jobs: [], status: [], warnings },
    }));
    await client.submit(submitRequest());
    await client.states([1]);
    await client.listJobs();
    await client.cancelByName('n', null);
    expect(logged.length).toBe(4);
    expect(logged).toMatchObject(
      Array(4).fill({ warning: expect.stringContaining(description.slice(0, 20)) }),
    );
  });

  it('show nothing of the value that Slurm repeats', async () => {
    const description =
      'Expected OpenAPI type=array (Slurm type=list) but got OpenAPI type=object (Slurm type=dictionary): {"TOKEN":"a claim token"}';
    const { client, logged } = await slurmrestd(() => ({
      body: { job_id: 7, errors: [], warnings: [{ description, source: '#/job/environment/' }] },
    }));
    await client.submit(submitRequest());
    expect(JSON.stringify(logged)).toContain('Expected OpenAPI type=array');
    expect(JSON.stringify(logged)).not.toContain('a claim token');
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

describe('accounting', () => {
  const kept = { jobs: [{ job_id: 7, name: 'gha-x-a', state: { current: ['COMPLETED'] } }], errors: [] };

  it('is asked about many jobs in one call, beside what slurmctld is asked', async () => {
    const { client, asked, logged } = await slurmrestd(() => ({ body: kept }));
    expect(await client.accounting([7, 8])).toMatchObject([
      { id: 7, name: 'gha-x-a', states: ['COMPLETED'] },
    ]);
    expect(asked).toMatchObject([
      { call: 'GET /slurmdb/v0.0.42/jobs/', query: '?step=7&step=8&show_duplicates=true', token: 'token' },
    ]);
    expect(logged).toEqual([]);
  });

  it.each([
    ['7000: no slurmdbd, or none that answers', refusal(7000, 502)],
    ['no plugin for it', { status: 404, type: 'text/plain', body: 'Unable find requested URL' }],
  ])('is none: %s', async (_what, scripted) => {
    const { client } = await slurmrestd(() => scripted);
    expect(await client.accounting([7])).toBeNull();
  });

  it('with another error is no empty answer', async () => {
    const { client } = await slurmrestd(() => refusal(7001));
    expect(await failureOf(SlurmError, client.accounting([7]))).toMatchObject({ errorNumber: 7001 });
    const { client: odd } = await slurmrestd(() => ({ body: { errors: [] } }));
    expect(await failureOf(SlurmError, odd.accounting([7]))).toMatchObject({ kind: 'unavailable' });
  });

  it('that does not answer leaves the way to slurmctld open', async () => {
    const { client } = await slurmrestd(({ call }) =>
      call.includes('slurmdb')
        ? { status: 504, type: 'text/html', body: '' }
        : { body: { jobs: [], errors: [] } },
    );
    for (let round = 0; round < 5; round += 1) {
      await failureOf(SlurmError, client.accounting([7]));
      expect(await client.states([7])).toEqual(new Map());
    }
  });
});
