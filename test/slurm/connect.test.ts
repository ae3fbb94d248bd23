/** How slurmrestd is reached: TLS, unix sockets, several of them, and connections that go wrong. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { SlurmError } from '../../src/domain/errors.ts';
import { slurmEndpoint, type TlsFiles } from '../../src/slurm/connect.ts';
import { createSlurmClient, type SlurmClient } from '../../src/slurm/create-slurm-client.ts';
import { type Certificate, certificateAuthority } from '../support/certificates.ts';
import { failureOf } from '../support/failure-of.ts';
import { fixedToken } from '../support/fixed-token.ts';
import { freePort } from '../support/free-port.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { submitRequest } from './submit-request.ts';

const listing = JSON.stringify({ jobs: [], errors: [], warnings: [], job_id: 7 });
const answers: RequestListener = (_request, response) => {
  response.setHeader('Content-Type', 'application/json').end(listing);
};

async function listen(server: Server, where: string | number = 0): Promise<number> {
  await new Promise<void>((resolve) => {
    if (typeof where === 'string') server.listen(where, resolve);
    else server.listen(where, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return typeof where === 'string' ? 0 : (server.address() as AddressInfo).port;
}

const http = async (listener: RequestListener) =>
  `http://127.0.0.1:${await listen(createHttpServer(listener))}`;
const https = async (options: ServerOptions, listener: RequestListener = answers) =>
  `https://127.0.0.1:${await listen(createHttpsServer(options, listener))}`;
const nobody = async () => `http://127.0.0.1:${await freePort()}`;

function clientFor(urls: string | readonly string[], tls: TlsFiles = {}, timeLimitMs = 5_000): SlurmClient {
  return createSlurmClient({
    endpoints: [urls].flat().map((url) => slurmEndpoint(url, tls)),
    user: 'gha',
    tokenFor: fixedToken('token'),
    apiVersion: 'v0.0.42',
    clock: new VirtualClock(),
    timeLimitMs,
    log: { warn: () => undefined, error: () => undefined },
  });
}
const failedSubmit = (client: SlurmClient) => failureOf(SlurmError, client.submit(submitRequest()));

describe('https', () => {
  let folder: string;
  let caFile: string;
  let ours: Certificate;
  let elsewhere: Certificate;
  let client: Certificate;
  let successor: Certificate;
  let stranger: Certificate;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'gha-slurm-tls-'));
    const authority = certificateAuthority(folder, 'site-ca');
    caFile = authority.caFile;
    ours = authority.sign('localhost');
    elsewhere = authority.sign('slurm.example');
    client = authority.sign('client');
    successor = authority.sign('successor');
    stranger = certificateAuthority(folder, 'other-ca').sign('stranger');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const served = ({ certFile, keyFile }: Certificate): ServerOptions => ({
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
  });
  const asking = (): ServerOptions => ({
    ...served(ours),
    ca: readFileSync(caFile),
    requestCert: true,
    rejectUnauthorized: true,
  });

  it('with a CA of the site', async () => {
    expect(await clientFor(await https(served(ours)), { caFile }).states([])).toEqual(new Map());
  });

  it.each([
    ['a CA that nobody knows', () => ours, () => ({})],
    ['a certificate of another host', () => elsewhere, () => ({ caFile })],
    ['a certificate of another CA', () => stranger, () => ({ caFile })],
  ])('%s: nothing was sent, and the sentence names the setting', async (_what, certificate, tls) => {
    const error = await failedSubmit(clientFor(await https(served(certificate())), tls()));
    expect(error).toMatchObject({ kind: 'unavailable', notCreated: true });
    expect(error.message).toContain('slurm.caFile');
  });

  it('a CA file that is not there is said by its name', async () => {
    const error = await failedSubmit(clientFor(await https(served(ours)), { caFile: '/nowhere/ca.pem' }));
    expect(error).toMatchObject({ kind: 'unavailable', notCreated: true });
    expect(error.message).toMatch(/\/nowhere\/ca\.pem can't be read \(ENOENT\).*slurm\.caFile/);
  });

  it('with a client certificate', async () => {
    expect(await clientFor(await https(asking()), { caFile, ...client }).states([])).toEqual(new Map());
  });

  it.each([
    ['no client certificate', () => ({})],
    ['one of another CA', () => stranger],
  ])('%s where one is asked for: the sentence names the settings', async (_what, certificate) => {
    const error = await failedSubmit(clientFor(await https(asking()), { caFile, ...certificate() }));
    expect(error.kind).toBe('unavailable');
    expect(error.message).toContain('slurm.certFile');
  });

  it('a client certificate is read again when it changes', async () => {
    const here = temporaryFolder();
    const files = { certFile: join(here, 'cert.pem'), keyFile: join(here, 'key.pem') };
    const put = ({ certFile, keyFile }: Certificate) => {
      copyFileSync(certFile, files.certFile);
      copyFileSync(keyFile, files.keyFile);
    };
    const subjects: unknown[] = [];
    const url = await https(asking(), (request, response) => {
      subjects.push((request.socket as TLSSocket).getPeerCertificate().subject.CN);
      response.setHeader('Connection', 'close');
      answers(request, response);
    });
    const api = clientFor(url, { caFile, ...files });
    for (const certificate of [client, successor]) {
      put(certificate);
      await api.states([]);
    }
    expect(subjects).toEqual(['client', 'successor']);
  });
});

describe('a unix socket', () => {
  it('is reached by its path', async () => {
    const socket = join(temporaryFolder(), 'slurmrestd.sock');
    await listen(createHttpServer(answers), socket);
    expect(await clientFor(`unix://${socket}`).states([])).toEqual(new Map());
  });

  it('that is not there: nothing was sent', async () => {
    const error = await failedSubmit(clientFor(`unix://${join(temporaryFolder(), 'none.sock')}`));
    expect(error).toMatchObject({ kind: 'unavailable', notCreated: true });
    expect(error.message).toMatch(/unix:\/\/.*none\.sock can not be reached .*ENOENT.*slurm\.url/);
  });
});

describe('a connection', () => {
  it('is kept for the next call', async () => {
    const sockets = new Set<unknown>();
    const api = clientFor(
      await http((request, response) => {
        sockets.add(request.socket);
        answers(request, response);
      }),
    );
    for (let call = 0; call < 50; call += 1) await api.states([]);
    // The next call may come a moment before the one before it has given its connection back.
    expect(sockets.size).toBeLessThanOrEqual(2);
  });

  it("that had an error is not used again: a second answer behind the first, as 26.05 sends it, is nobody's", async () => {
    let connections = 0;
    const text = (status: string, type: string, body: string) =>
      `HTTP/1.1 ${status}\r\nConnection: Close\r\nContent-Length: ${body.length}\r\nContent-Type: ${type}\r\n\r\n${body}`;
    const refusal = JSON.stringify({ errors: [{ error_number: 2000, error: 'Invalid partition' }] });
    const server = createTcpServer((socket: Socket) => {
      connections += 1;
      const first = connections % 2 === 1;
      socket.once('data', () => {
        const [status, body] = first ? ['422 UNPROCESSABLE CONTENT', refusal] : ['200 OK', listing];
        socket.write(text(status, 'application/json', body));
        if (first) socket.write(text(status, 'text/plain', 'Invalid partition name specified'));
        socket.end();
      });
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const api = clientFor(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    for (let round = 0; round < 20; round += 1) {
      expect(await failedSubmit(api)).toMatchObject({ kind: 'refused', errorNumber: 2000 });
      expect(await api.states([])).toEqual(new Map());
    }
    expect(connections).toBe(40);
  });

  it('without an answer in time: a submit is in doubt', async () => {
    const error = await failedSubmit(clientFor(await http(() => undefined), {}, 50));
    expect(error).toMatchObject({ kind: 'unavailable', notCreated: false });
    expect(error.message).toContain('no answer in time');
  });

  it('whose answer stops half way: a submit is in doubt', async () => {
    const url = await http((_request, response) => {
      response
        .writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 100 })
        .write('{"job_id": 7');
    });
    expect(await failedSubmit(clientFor(url, {}, 50))).toMatchObject({
      kind: 'unavailable',
      notCreated: false,
    });
  });
});

it('a path stays in front: that of a proxy', async () => {
  const paths: (string | undefined)[] = [];
  const url = await http((request, response) => {
    paths.push(request.url);
    answers(request, response);
  });
  await clientFor(`${url}/clusters/a/`).cancelByName('n', null);
  expect(paths).toEqual(['/clusters/a/slurm/v0.0.42/jobs/']);
});

describe('several', () => {
  function counted(listener: RequestListener) {
    const counter = { calls: 0 };
    const url = http((request, response) => {
      counter.calls += 1;
      listener(request, response);
    });
    return { counter, url };
  }
  const hangsUp: RequestListener = (request) => request.socket.destroy();

  it('where one can not be connected to, the next is asked at once, for a submit too; and stays', async () => {
    const second = counted(answers);
    const api = clientFor([await nobody(), await second.url]);
    expect(await api.submit(submitRequest())).toMatchObject({ id: 7 });
    expect(await api.states([])).toEqual(new Map());
    expect(second.counter.calls).toBe(2);
  });

  it('a submit that may have reached one is sent to no other; what follows begins with the next', async () => {
    const [first, second] = [counted(hangsUp), counted(answers)];
    const api = clientFor([await first.url, await second.url]);
    expect(await failedSubmit(api)).toMatchObject({ kind: 'unavailable', notCreated: false });
    expect([first.counter.calls, second.counter.calls]).toEqual([1, 0]);
    expect(await api.states([])).toEqual(new Map());
    expect([first.counter.calls, second.counter.calls]).toEqual([1, 1]);
  });

  it.each([
    [401, {}],
    [404, {}],
    [405, {}],
    [302, { Location: '/login' }],
  ] as const)(
    'where a proxy answers %i in place of the first, the next is asked at once, for a submit too',
    async (status, headers) => {
      const page: RequestListener = (_request, response) => {
        response
          .writeHead(status, { 'Content-Type': 'text/html', ...headers })
          .end('<html><title>not here</title></html>');
      };
      const [first, second] = [counted(page), counted(answers)];
      const api = clientFor([await first.url, await second.url]);
      expect(await api.submit(submitRequest())).toMatchObject({ id: 7 });
      expect(await api.states([])).toEqual(new Map());
      expect(second.counter.calls).toBe(2);
    },
  );

  it('what Slurm says is not asked again elsewhere', async () => {
    const says: RequestListener = (_request, response) => {
      response
        .writeHead(502, { 'Content-Type': 'application/json' })
        .end(
          JSON.stringify({ errors: [{ error_number: 1800, error: 'Unable to contact slurm controller' }] }),
        );
    };
    const [first, second] = [counted(says), counted(answers)];
    const api = clientFor([await first.url, await second.url]);
    expect(await failedSubmit(api)).toMatchObject({ errorNumber: 1800, notCreated: true });
    expect(second.counter.calls).toBe(0);
  });

  it('none that can be connected to: all are named, and nothing was sent', async () => {
    const urls = [await nobody(), await nobody()];
    const error = await failedSubmit(clientFor(urls));
    expect(error).toMatchObject({ kind: 'unavailable', notCreated: true });
    for (const url of urls) expect(error.message).toContain(url);
  });
});
