/** Counts what the service asks of slurmrestd, by passing it on. */
import { createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CountingProxy {
  readonly url: string;
  /** Method and path without the version and the query, with the time (`performance.now`) of the answer. */
  readonly calls: { readonly call: string; readonly atMs: number; readonly status: number }[];
  stop(): Promise<void>;
}

export async function startCountingProxy(target: string): Promise<CountingProxy> {
  const calls: CountingProxy['calls'] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? '/')
      .replace(/^\/slurm\/v[\d.]+/, '')
      .replace(/\?.*$/, '')
      .replace(/\/job\/\d+/, '/job/{job_id}');
    const onward = send(
      new URL(request.url ?? '/', target),
      { method: request.method, headers: request.headers },
      (answer) => {
        calls.push({
          call: `${request.method} ${path}`,
          atMs: performance.now(),
          status: answer.statusCode ?? 0,
        });
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
