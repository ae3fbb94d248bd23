/** What the client makes of answers that a healthy Slurm does not give; the contract holds the others on real Slurm. */
import { describe, expect, it } from 'vitest';
import { SlurmError } from '../../src/domain/errors.ts';
import { failureOf } from '../support/failure-of.ts';
import { type Asked, refusal, type Scripted, slurmrestd } from './scripted-slurmrestd.ts';
import { submitRequest } from './submit-request.ts';

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
    await client.listJobs(null);
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

describe('accounting', () => {
  const kept = { jobs: [{ job_id: 7, name: 'gha-x-a', state: { current: ['COMPLETED'] } }], errors: [] };

  it('is asked about many jobs in one call, beside what slurmctld is asked', async () => {
    const { client, asked, logged } = await slurmrestd(() => ({ body: kept }));
    expect(await client.accounting([7, 8], null)).toMatchObject([
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
    expect(await client.accounting([7], null)).toBeNull();
  });

  it('with another error is no empty answer', async () => {
    const { client } = await slurmrestd(() => refusal(7001));
    expect(await failureOf(SlurmError, client.accounting([7], null))).toMatchObject({ errorNumber: 7001 });
    const { client: odd } = await slurmrestd(() => ({ body: { errors: [] } }));
    expect(await failureOf(SlurmError, odd.accounting([7], null))).toMatchObject({ kind: 'unavailable' });
  });

  it('that does not answer leaves the way to slurmctld open', async () => {
    const { client } = await slurmrestd(({ call }) =>
      call.includes('slurmdb')
        ? { status: 504, type: 'text/html', body: '' }
        : { body: { jobs: [], errors: [] } },
    );
    for (let round = 0; round < 5; round += 1) {
      await failureOf(SlurmError, client.accounting([7], null));
      expect(await client.states([7])).toEqual(new Map());
    }
  });
});

describe('what the cluster has', () => {
  const denied = (call: string, scripted: Scripted) => (asked: Asked) =>
    asked.call.endsWith(`/${call}/`) ? scripted : { body: { [call]: [], jobs: [], errors: [] } };

  it.each([
    ['nodes', refusal(2002)],
    ['nodes', refusal(2002, 422)],
    ['nodes', refusal(-1)],
    ['partitions', { status: 500, body: { errors: [], warnings: [] } }],
    ['partitions', { status: 422, body: { errors: [], warnings: [] } }],
  ] as const)('a listing of %s that is denied is not known, and the others are', async (call, scripted) => {
    const { client } = await slurmrestd(denied(call, scripted));
    const view = await client.cluster(null);
    expect(view).toMatchObject({ partitions: [], nodes: [], reservations: [], [call]: null });
    expect([...view.refusals.keys()]).toEqual([call]);
  });

  it('asks for what is hidden, too', async () => {
    const { client, asked } = await slurmrestd(() => ({ body: { jobs: [], errors: [] } }));
    await client.cluster(null);
    const flags = asked.filter(({ query }) => query === '?flags=ALL').map(({ call }) => call);
    expect(flags).toEqual(['GET v0.0.42/partitions/', 'GET v0.0.42/nodes/']);
  });

  it.each([
    ['a token that is refused', refusal(1007, 511), 'auth'],
    ['a slurmctld that is not reached', refusal(1800), 'unavailable'],
  ] as const)('%s is no denied listing', async (_what, scripted, kind) => {
    const { client } = await slurmrestd(denied('nodes', scripted));
    expect(await failureOf(SlurmError, client.cluster(null))).toMatchObject({ kind });
  });

  it('is not known at all where no listing is given', async () => {
    const { client } = await slurmrestd(({ call }) =>
      call.includes('/jobs/state/') ? { body: { jobs: [], errors: [] } } : refusal(2002),
    );
    expect(await failureOf(SlurmError, client.cluster(null))).toMatchObject({ errorNumber: 2002 });
  });
});
