/**
 * How slurmrestd is reached: http, https with an own CA and a client certificate, or a unix socket. Connections are kept
 * alive, and few: slurmrestd takes 124 in all. It ends one with every error that it states, and says so
 * (`Connection: close`); 26.05 sends a second answer, in plain text, behind some of these, which goes with the connection.
 */
import { readFileSync, statSync } from 'node:fs';
import { type AgentOptions, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { AtOnce } from '../domain/at-once.ts';
import { OperatorError } from '../domain/errors.ts';
import { NotConnectedError } from './not-connected-error.ts';
import { PlainRequest, type PlainResponse, send } from './send.ts';

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
const connections: AgentOptions = { keepAlive: true, maxSockets: AtOnce.most, maxFreeSockets: AtOnce.most };

/** @param url `http://`, `https://` with a path where a proxy stands in front, or `unix:///path`. */
export function slurmEndpoint(url: string, tls: TlsFiles = {}): SlurmEndpoint {
  const socketPath = url.startsWith('unix://') ? url.slice('unix://'.length) : undefined;
  const agentNow = url.startsWith('https:') ? currentAgent(tls) : always(new HttpAgent(connections));
  return {
    url,
    baseUrl: socketPath === undefined ? url.replace(/\/+$/, '') : 'http://localhost',
    // Their types are those of `fetch`; openapi-fetch uses nothing of these that ours don't have.
    fetch: async (request) =>
      (await send(request as unknown as PlainRequest, {
        agent: agentNow(),
        socketPath,
        connectTimeLimitMs,
      })) satisfies PlainResponse as unknown as Response,
    Request: PlainRequest as unknown as typeof Request,
  };
}

const always = (agent: HttpAgent) => (): HttpAgent => agent;

/** One agent for as long as the files are the same, so that connections and TLS sessions are used again. */
function currentAgent({ caFile, certFile, keyFile }: TlsFiles): () => HttpsAgent {
  const files = [caFile, certFile, keyFile].filter((file) => file !== undefined);
  let stamp: string | null = null;
  let agent = new HttpsAgent(connections);
  return () => {
    try {
      const now = files.map((file) => stampOf(file)).join();
      if (now === stamp) return agent;
      agent = new HttpsAgent({
        ...connections,
        ...(caFile === undefined ? {} : { ca: read(caFile) }),
        ...(certFile === undefined ? {} : { cert: read(certFile) }),
        ...(keyFile === undefined ? {} : { key: read(keyFile) }),
      });
      stamp = now;
      return agent;
    } catch (error) {
      throw new NotConnectedError(error as Error);
    }
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
