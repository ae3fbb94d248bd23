/**
 * How slurmrestd is reached: http, https with an own CA and a client certificate, or a unix socket. Connections are kept
 * alive, and few: slurmrestd takes 124 in all. It ends one with every error that it states, and says so
 * (`Connection: close`); 26.05 sends a second answer, in plain text, behind some of these, which goes with the connection.
 */
import { readFileSync, statSync } from 'node:fs';
import { Agent, buildConnector, fetch as fetchWith, Request as UndiciRequest } from 'undici';
import { OperatorError } from '../domain/errors.ts';
import { NotConnectedError } from './not-connected-error.ts';

export interface SlurmEndpoint {
  /** As the operator wrote it. */
  readonly url: string;
  /** What `/slurm/<version>` is appended to. */
  readonly baseUrl: string;
  readonly fetch: (request: Request) => Promise<Response>;
  readonly Request: typeof Request;
}

/** PEM files; read again when they change, for the connections that are made from then on. */
export interface TlsFiles {
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

const connectTimeLimitMs = 10_000;
const mostConnections = 16;

/** @param url `http://`, `https://` with a path where a proxy stands in front, or `unix:///path`. */
export function slurmEndpoint(url: string, tls: TlsFiles = {}): SlurmEndpoint {
  const socketPath = url.startsWith('unix://') ? url.slice('unix://'.length) : undefined;
  const connectorNow = currentConnector(socketPath, url.startsWith('https:') ? tls : {});
  const dispatcher = new Agent({
    connections: mostConnections,
    pipelining: 1,
    allowH2: false,
    connect(options, done) {
      const failed = (error: Error): void => done(new NotConnectedError(error), null);
      try {
        connectorNow()(options, (error, socket) => (error === null ? done(null, socket) : failed(error)));
      } catch (error) {
        failed(error as Error);
      }
    },
  });
  type Init = NonNullable<Parameters<typeof fetchWith>[1]>;
  return {
    url,
    baseUrl: socketPath === undefined ? url.replace(/\/+$/, '') : 'http://localhost',
    // The library's own classes, of one version with its Agent; the types of Node's differ in nothing that is used here.
    fetch: (request) =>
      fetchWith(request as unknown as UndiciRequest, {
        dispatcher,
      } satisfies Init) as unknown as Promise<Response>,
    Request: UndiciRequest as unknown as typeof Request,
  };
}

/** One connector for as long as the files are the same, so that TLS sessions are used again. */
function currentConnector(socketPath: string | undefined, { caFile, certFile, keyFile }: TlsFiles) {
  const files = [caFile, certFile, keyFile].filter((file) => file !== undefined);
  let stamp: string | null = null;
  let connector = buildConnector({});
  return () => {
    const now = files.map((file) => stampOf(file)).join();
    if (now !== stamp) {
      connector = buildConnector({
        timeout: connectTimeLimitMs,
        allowH2: false,
        ...(socketPath === undefined ? {} : { socketPath }),
        ...(caFile === undefined ? {} : { ca: read(caFile) }),
        ...(certFile === undefined ? {} : { cert: read(certFile) }),
        ...(keyFile === undefined ? {} : { key: read(keyFile) }),
      });
      stamp = now;
    }
    return connector;
  };
}

const stampOf = (file: string): string =>
  attempt(file, () => `${statSync(file).mtimeMs}:${statSync(file).ino}`);
const read = (file: string): Buffer => attempt(file, () => readFileSync(file));

function attempt<T>(file: string, look: () => T): T {
  try {
    return look();
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException;
    throw new OperatorError(
      `${file} can't be read (${code}): check slurm.caFile, slurm.certFile and slurm.keyFile, and the file's mode`,
      1,
      { cause },
    );
  }
}
