/** In place of a registry, for the image cache: Apptainer pulls a SIF over HTTP as well. On this machine's loopback, which is the node's. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ImageServer {
  readonly url: string;
  /** Paths of images, one for each pull. */
  readonly pulled: readonly string[];
  /** @param file a SIF, which every path but /broken… is answered with. */
  serve(file: string): void;
  stop(): Promise<void>;
}

export async function startImageServer(): Promise<ImageServer> {
  const pulled: string[] = [];
  let image: string | null = null;
  const server = createServer(async (request, response) => {
    if (image === null || request.url?.startsWith('/broken')) return void response.writeHead(404).end();
    // Apptainer asks for the size first.
    if (request.method === 'GET') pulled.push(request.url ?? '');
    response.writeHead(200, { 'Content-Length': (await stat(image)).size });
    createReadStream(image).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pulled,
    serve(file) {
      image = file;
    },
    async stop() {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
