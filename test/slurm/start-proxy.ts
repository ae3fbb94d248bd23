import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface TlsProxy {
  readonly url: string;
  stop(): Promise<void>;
}

/** TLS in front of slurmrestd, below a path, as a site's web server does it; its own error is a page. */
export async function startProxy(target: string, prefix: string, tls: ServerOptions): Promise<TlsProxy> {
  const page = (response: ServerResponse, status: number, title: string) =>
    response
      .writeHead(status, { 'Content-Type': 'text/html' })
      .end(`<html><head><title>${status} ${title}</title></head></html>`);

  function pass(request: IncomingMessage, response: ServerResponse): void {
    if (request.url?.startsWith(`${prefix}/`) !== true) {
      page(response, 404, 'Not Found');
      return;
    }
    const { method = 'GET', headers } = request;
    const onward = httpRequest(`${target}${request.url.slice(prefix.length)}`, {
      method,
      headers,
      agent: false,
    });
    let answered = false;
    onward.on('response', (answer) => {
      answered = true;
      const { connection: _, ...rest } = answer.headers;
      response.writeHead(answer.statusCode ?? 502, rest);
      answer.pipe(response);
    });
    // 26.05 sends a second answer behind some errors, at which Node's client takes offence when it has the first.
    onward.on('error', () => answered || page(response, 502, 'Bad Gateway'));
    request.pipe(onward);
  }

  const server = createServer(tls, pass);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`,
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
