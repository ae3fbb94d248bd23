/** What the client makes of answers that a healthy Slurm does not give; the contract holds the others on real Slurm. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SlurmError } from '../../src/domain/errors.ts';
import { createSlurmClient, type SlurmClientOptions } from '../../src/slurm/create-slurm-client.ts';
import { failureOf } from '../support/failure-of.ts';
import { submitRequest } from './contract.ts';

interface Scripted {
  readonly status?: number;
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
      const { status = 200, type = 'application/json', body, cutAfter } = answer(record, asked.length);
      asked.push(record);
      const whole = typeof body === 'string' ? body : JSON.stringify(body);
      response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(whole) });
      if (cutAfter === undefined) response.end(whole);
      else response.write(whole.slice(0, cutAfter), () => response.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const client = createSlurmClient({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    user: 'gha',
    token: () => 'token',
    apiVersion: 'v0.0.42',
    timeLimitMs: 2_000,
    log: { warn: () => undefined, error: (data) => void logged.push(data) },
    ...options,
  });
  return { client, asked, logged };
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
    expect(await client.states([1, 9])).toEqual([
      { id: 1, states: ['RUNNING'] },
      { id: 9, states: ['PENDING'] },
    ]);
    expect(asked[0]?.query).toBe('?job_id=1&job_id=9');
    const many = Array.from({ length: 401 }, (_, index) => index + 1);
    expect((await client.states(many)).map(({ id }) => id)).toEqual([1, 9]);
    expect(asked[1]?.query).toBe('');
    expect(await client.states([])).toEqual([]);
  });
});

describe('cancels', () => {
  it('by id and name in one request; by name with its user; never without a name', async () => {
    const { client, asked } = await slurmrestd(() => ({ body: { status: [], errors: [] } }));
    await client.cancel({ id: 7, name: 'gha-i-a' });
    await client.cancelByName('gha-i-a');
    expect(asked.map(({ call, body }) => [call, body])).toEqual([
      ['DELETE v0.0.42/jobs/', { jobs: ['7'], job_name: 'gha-i-a', user_name: 'gha' }],
      ['DELETE v0.0.42/jobs/', { job_name: 'gha-i-a', user_name: 'gha' }],
    ]);
    await expect(client.cancelByName('')).rejects.toThrow('needs a job name');
    expect(asked.length).toBe(2);
  });

  it.each([2017, 2021, 2172])('%i says that nothing of it is there: done', async (code) => {
    const { client } = await slurmrestd((_asked, count) =>
      count === 0 ? refusal(code) : { body: { errors: [], status: [{ error: { code, message: 'x' } }] } },
    );
    await client.cancel({ id: 7, name: 'n' });
    await client.cancel({ id: 7, name: 'n' });
  });

  it('a failure of one job in an answer without errors is a failure', async () => {
    const { client } = await slurmrestd(() => ({
      body: { errors: [], status: [{ error: { code: 5, message: 'x' } }] },
    }));
    expect(await failureOf(SlurmError, client.cancel({ id: 7, name: 'n' }))).toMatchObject({
      notCreated: false,
    });
  });
});

describe('the version', () => {
  const pings = (served: readonly string[]) => (asked: Asked) =>
    served.some((version) => asked.call.includes(version))
      ? { body: { errors: [], jobs: [] } }
      : { status: 404, type: 'text/plain', body: 'Unable find requested URL' };

  it('is the newest that both sides know, looked for once', async () => {
    const { client, asked } = await slurmrestd(pings(['v0.0.40', 'v0.0.41']), { apiVersion: 'auto' });
    await client.states([1]);
    await client.states([1]);
    expect(asked.map(({ call }) => call)).toEqual([
      'GET v0.0.45/ping/',
      'GET v0.0.44/ping/',
      'GET v0.0.43/ping/',
      'GET v0.0.42/ping/',
      'GET v0.0.41/ping/',
      'GET v0.0.41/jobs/state/',
      'GET v0.0.41/jobs/state/',
    ]);
  });

  it('is looked for again when slurmrestd was upgraded under the service', async () => {
    let served = ['v0.0.41'];
    const { client } = await slurmrestd((asked) => pings(served)(asked), { apiVersion: 'auto' });
    await client.states([1]);
    served = ['v0.0.45'];
    expect(await failureOf(SlurmError, client.states([1]))).toMatchObject({ kind: 'protocol' });
    await client.states([1]);
    expect(await client.apiVersion()).toBe('v0.0.45');
  });

  it('none in common: says which would do', async () => {
    const { client } = await slurmrestd(pings([]), { apiVersion: 'auto' });
    expect((await failureOf(SlurmError, client.states([1]))).message).toMatch(
      /serves none of v0\.0\.45, v0\.0\.44, .*v0\.0\.40/,
    );
  });
});

describe('the token', () => {
  it('refused: asked for once more, and sent again when there is another by now', async () => {
    let token = 'old';
    const { client, asked } = await slurmrestd(
      ({ token: given }) => {
        token = 'new';
        return given === 'old' ? refusal(1007, 511) : { body: { job_id: 7, errors: [] } };
      },
      { token: () => token },
    );
    expect(await client.submit(submitRequest())).toMatchObject({ id: 7 });
    expect(asked.map((record) => record.token)).toEqual(['old', 'new']);
  });

  it('refused, and there is no other: said once, with what to do, and without the token', async () => {
    const { client, asked } = await slurmrestd(() => refusal(1007, 511), { token: () => 'jwt-secret' });
    const error = await failureOf(SlurmError, client.states([1]));
    expect(error.message).toContain('slurm.token');
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('jwt-secret');
    expect(asked.length).toBe(1);
  });
});

it('a warning that a part of a request is ignored is logged as an error', async () => {
  const warnings = [{ description: 'Ignoring unknown field "bogus" of type string', source: '#/job/bogus/' }];
  const { client, logged } = await slurmrestd(() => ({ body: { job_id: 7, errors: [], warnings } }));
  await client.submit(submitRequest());
  expect(logged).toMatchObject([{ warning: expect.stringContaining('Ignoring unknown field') }]);
});
