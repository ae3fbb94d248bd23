import type { FastifyInstance } from 'fastify';
import type { Controller } from '../controller/create-controller.ts';

/** `/healthz`: the process serves. `/readyz`: both sides answered when last looked at; else 503 with the reasons. */
export function healthRoutes(app: FastifyInstance, controller: Controller): void {
  app.get('/healthz', async (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', async (_request, reply) => {
    const readiness = controller.readiness();
    return reply.code(readiness.ready ? 200 : 503).send(readiness);
  });
}
