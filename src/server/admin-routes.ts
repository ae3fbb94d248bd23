/** For operators: `/metrics` and `/api/state`. Off loopback they ask for the admin token. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { Controller } from '../controller/create-controller.ts';

export interface AdminOptions {
  readonly controller: Controller;
  readonly metrics: Registry;
  /** Null where the address is on loopback and no token is configured. */
  readonly adminToken: string | null;
}

export function adminRoutes(app: FastifyInstance, { controller, metrics, adminToken }: AdminOptions): void {
  app.addHook('onRequest', async (request, reply) => {
    if (adminToken === null || /^\/(healthz|readyz)(\?|$)/.test(request.url)) return;
    const given = request.headers.authorization ?? '';
    if (!timingSafeEqual(digest(given), digest(`Bearer ${adminToken}`))) {
      await reply
        .code(401)
        .header('WWW-Authenticate', 'Bearer')
        .send({ error: 'send server.adminToken as a bearer token' });
    }
  });
  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.metrics()),
  );
  app.get<{ Querystring: { before?: string } }>('/api/state', async (request, reply) => {
    const { before } = request.query;
    if (before !== undefined && !/^\d+~[a-z2-7]+$/.test(before)) {
      return reply.code(400).send({ error: 'before is not a cursor that this endpoint gave' });
    }
    return controller.state(before);
  });
  app.get<{ Params: { id: string } }>('/api/jobs/:id', async (request, reply) => {
    const life = /^\d{1,16}$/.test(request.params.id) ? controller.explain(Number(request.params.id)) : null;
    return life ?? reply.code(404).send({ error: 'no such job is known here' });
  });
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
