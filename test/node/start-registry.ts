/**
 * A registry as the OCI distribution specification has it, for pulls: one image, of one layer, from the archive that make-images.sh
 * makes, by the name that it has here and by the one that Docker Hub would have it under. Over TLS, as dockerd wants it. Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Certificate } from '../support/certificates.ts';

export interface Registry {
  readonly port: number;
  /** @param folder has config.json and layer.tar, as `docker save` names them. */
  serve(folder: string): void;
  /** Of the manifest: what a reference by digest names. Empty before there is one. */
  digest(): string;
  /** How often the layer was asked for. */
  layerPulls(): number;
  /** From now on a layer stops in its middle, until `release`. */
  hold(): void;
  /** How many are stopped, their clients still there. */
  held(): number;
  release(): void;
  stop(): Promise<void>;
}

interface Content {
  readonly type: string;
  readonly body: Buffer;
  readonly digest: string;
}

const content = (type: string, body: Buffer): Content => ({
  type,
  body,
  digest: `sha256:${createHash('sha256').update(body).digest('hex')}`,
});
const described = ({ type: mediaType, body, digest }: Content) => ({ mediaType, digest, size: body.length });

/** Answers 404 until it has something to serve. */
export async function startRegistry({ certFile, keyFile }: Certificate): Promise<Registry> {
  const paths = new Map<string, Content>();
  let layer: Content | null = null;
  let manifest: Content | null = null;
  let pulls = 0;
  let holding = false;
  const stopped = new Set<ServerResponse>();

  const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) });
  server.on('request', (request, response) => {
    // A mirror is told whose it is.
    const found = paths.get((request.url ?? '').replace(/\?ns=.*$/, ''));
    if (request.url === '/v2/') return void response.writeHead(200).end('{}');
    if (found === undefined) return void response.writeHead(404).end('{"errors":[{"code":"NAME_UNKNOWN"}]}');
    response.writeHead(200, {
      'Content-Type': found.type,
      'Content-Length': found.body.length,
      'Docker-Content-Digest': found.digest,
    });
    if (request.method === 'HEAD') return void response.end();
    if (found !== layer) return void response.end(found.body);
    pulls += 1;
    if (!holding) return void response.end(found.body);
    response.write(found.body.subarray(0, found.body.length / 2));
    stopped.add(response);
    response.on('close', () => stopped.delete(response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    digest: () => manifest?.digest ?? '',
    serve(folder) {
      const read = (name: string) => readFileSync(join(folder, name));
      const config = content('application/vnd.oci.image.config.v1+json', read('config.json'));
      layer = content('application/vnd.oci.image.layer.v1.tar', read('layer.tar'));
      const type = 'application/vnd.oci.image.manifest.v1+json';
      const layers = [described(layer)];
      const body = { schemaVersion: 2, mediaType: type, config: described(config), layers };
      manifest = content(type, Buffer.from(JSON.stringify(body)));
      for (const name of ['runner', 'library/runner'])
        for (const [path, found] of [
          ['manifests/latest', manifest],
          [`manifests/${manifest.digest}`, manifest],
          [`blobs/${config.digest}`, config],
          [`blobs/${layer.digest}`, layer],
        ] as const)
          paths.set(`/v2/${name}/${path}`, found);
    },
    layerPulls: () => pulls,
    hold() {
      holding = true;
    },
    held: () => stopped.size,
    release() {
      holding = false;
      for (const response of stopped) response.end(layer?.body.subarray(layer.body.length / 2));
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
