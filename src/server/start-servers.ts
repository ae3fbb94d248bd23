/**
 * Two listeners: `listen` for nodes, `admin` for operators. An error that a handler throws is logged with its request id
 * and answered without its text. No request body and no header is ever logged: tokens are in there.
 */
import formbody from '@fastify/formbody';
import fastify, { type FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { Controller } from '../controller/create-controller.ts';
import type { Log } from '../controller/log.ts';
import { OperatorError } from '../domain/errors.ts';
import { adminRoutes } from './admin-routes.ts';
import { claimRoutes } from './claim-routes.ts';
import { healthRoutes } from './health-routes.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ServerOptions {
  readonly listen: Address;
  readonly admin: Address;
  readonly adminToken: string | null;
  readonly controller: Controller;
  readonly metrics: Registry;
  readonly log: Log;
}

export interface Servers {
  /** Ports that were bound, for configured port 0. */
  readonly listenPort: number;
  readonly adminPort: number;
  close(): Promise<void>;
}

/** @throws OperatorError when an address can't be bound. */
export async function startServers(options: ServerOptions): Promise<Servers> {
  const { controller } = options;
  const listen = createApp(options.log);
  await listen.register(formbody, { bodyLimit: 8_192 });
  claimRoutes(listen, controller);
  healthRoutes(listen, controller);
  const admin = createApp(options.log);
  adminRoutes(admin, options);
  healthRoutes(admin, controller);
  try {
    const listenPort = await bind(listen, options.listen, 'server.listen');
    const adminPort = await bind(admin, options.admin, 'server.admin');
    return {
      listenPort,
      adminPort,
      close: async () => {
        await Promise.all([listen.close(), admin.close()]);
      },
    };
  } catch (error) {
    await Promise.all([listen.close(), admin.close()]);
    throw error;
  }
}

function createApp(log: Log): FastifyInstance {
  const app = fastify({
    logger: false,
    forceCloseConnections: true,
    requestTimeout: 30_000,
    connectionTimeout: 90_000,
    bodyLimit: 8_192,
    routerOptions: { maxParamLength: 64 },
  });
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) log.error({ err: error, route: request.routeOptions.url }, 'request failed');
    return reply
      .code(status)
      .type('text/plain')
      .send(status >= 500 ? 'internal error\n' : `${error.message}\n`);
  });
  return app;
}

async function bind(app: FastifyInstance, { host, port }: Address, setting: string): Promise<number> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new OperatorError(
      `${setting} ${host}:${port} can't be bound (${code}): give it an address of this machine and a port that is free.`,
      1,
      { cause },
    );
  }
  const address = app.server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}
