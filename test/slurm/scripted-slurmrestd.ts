/** A server that answers as a test says, and a client of it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { slurmEndpoint } from '../../src/slurm/connect.ts';
import { createSlurmClient, type SlurmClientOptions } from '../../src/slurm/create-slurm-client.ts';
import { fixedToken } from '../support/fixed-token.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

export interface Scripted {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly type?: string;
  readonly body: string | object;
  /** The connection ends after so many bytes of the body. */
  readonly cutAfter?: number;
}
export interface Asked {
  readonly call: string;
  readonly query: string;
  readonly token: string;
  readonly body: unknown;
}

export async function slurmrestd(
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

export const refusal = (error_number: number, status = 500): Scripted => ({
  status,
  body: { errors: [{ error_number, error: 'words', description: 'of Slurm' }], warnings: [] },
});
