/** Each call to slurmrestd with each way in which its answer can be lost: never a result, and "certainly nothing" never by mistake. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SlurmError } from '../../src/domain/errors.ts';
import { slurmEndpoint } from '../../src/slurm/connect.ts';
import { createSlurmClient, type SlurmClient } from '../../src/slurm/create-slurm-client.ts';
import { failureOf } from '../support/failure-of.ts';
import { fixedToken } from '../support/fixed-token.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { submitRequest } from './submit-request.ts';

type Answer = (response: ServerResponse) => void;

const json = (status: number, body: object): Answer => {
  return (response) =>
    void response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
};
const page = (status: number): Answer => {
  return (response) =>
    void response.writeHead(status, { 'Content-Type': 'text/html' }).end('<html>of a proxy</html>');
};
const whole = { job_id: 7, jobs: [], associations: [], status: [], errors: [], warnings: [], meta: {} };

/** What comes instead of an answer, with whether that proves that nothing happened. */
const faults: readonly (readonly [string, Answer, boolean])[] = [
  ['500 that states an error without a number', json(500, { errors: [{ error: 'x' }] }), false],
  ['500 that says that slurmctld was not reached', json(500, { errors: [{ error_number: 1800 }] }), true],
  ['504 of slurmrestd', json(504, { errors: [{ error_number: 5004 }] }), false],
  ...[500, 502, 503, 504, 429, 403].map((status) => [`${status} of a proxy`, page(status), false] as const),
  ['511 that says that the token is wrong', json(511, { errors: [{ error_number: 1007 }] }), true],
  ['200 that is a page', page(200), false],
  ['200 that is empty', (response) => void response.writeHead(200).end(), false],
  [
    '200 that is cut in the middle',
    (response) => {
      const text = JSON.stringify(whole);
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': text.length });
      response.write(text.slice(0, 12), () => response.destroy());
    },
    false,
  ],
  ['a connection that ends without one', (response) => void response.destroy(), false],
  ['nothing within the time limit', () => undefined, false],
];

/** The version is given here, so nothing is asked for it. */
const calls: Readonly<
  Record<Exclude<keyof SlurmClient, 'apiVersion'>, (client: SlurmClient) => Promise<unknown>>
> = {
  submit: (client) => client.submit(submitRequest()),
  states: (client) => client.states([1]),
  job: (client) => client.job(1, null),
  listJobs: (client) => client.listJobs(null),
  setComment: (client) => client.setComment({ id: 1, name: 'gha-i-a', user: null }, 'a comment'),
  accounting: (client) => client.accounting([1], null),
  associations: (client) => client.associations(null),
  cancel: (client) => client.cancel({ id: 1, name: 'gha-i-a', user: null }),
  cancelByName: (client) => client.cancelByName('gha-i-a', null),
  cluster: (client) => client.cluster(null),
};

async function slurmrestd(answer: Answer) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.method ?? '');
    request.resume().on('end', () => answer(response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const client = createSlurmClient({
    endpoints: [slurmEndpoint(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)],
    user: 'gha',
    tokenFor: fixedToken('token'),
    apiVersion: 'v0.0.42',
    clock: new VirtualClock(),
    timeLimitMs: 250,
    log: { warn: () => undefined, error: () => undefined },
  });
  return { client, asked };
}

describe.each(Object.entries(calls))('%s', (_name, call) => {
  it('takes a whole answer', async () => {
    const { client } = await slurmrestd(json(200, whole));
    await call(client);
  });

  it.each(faults)(
    '%s: is sent once, and its failure says what is known',
    async (_what, answer, notCreated) => {
      const { client, asked } = await slurmrestd(answer);
      expect(await failureOf(SlurmError, call(client))).toMatchObject({ notCreated });
      expect(asked).toHaveLength(1);
    },
  );
});
