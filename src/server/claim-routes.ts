/** What nodes call: `POST /v1/allocations/{id}/claim`, `…/unfit`, `…/output`, `…/events`, `…/idle`. Form fields in, plain text out: bash and curl are on the other end. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Controller } from '../controller/create-controller.ts';
import { nodeEvents } from '../controller/node-events.ts';
import { maxOutputLength } from '../controller/note-output.ts';

/** Of a node's clock, which may be set meanwhile: what makes no sense is not known, and costs no claim. */
const duration = z
  .stringFormat('milliseconds', /^\d{1,9}$/)
  .transform(Number)
  .optional()
  .catch(undefined);

const claimForm = z.object({
  slurm_job_id: z.coerce.number().int().positive(),
  node: z.string().max(255).default('unknown'),
  restart_count: z.coerce.number().int().nonnegative().default(0),
  work_folder: z.string().startsWith('/').max(255).optional(),
  elapsed_ms: duration,
  prepared_ms: duration,
  image_ms: duration,
  docker_ms: duration,
});
const unfitForm = z.object({
  slurm_job_id: z.coerce.number().int().positive(),
  node: z.string().max(255).default('unknown'),
  reason: z.string().min(1).max(1_000),
});
const eventForm = z.object({ event: z.enum(nodeEvents) });

type AllocationRequest = FastifyRequest<{ Params: { id: string } }>;

export function claimRoutes(app: FastifyInstance, controller: Controller): void {
  app.post('/v1/allocations/:id/claim', async (request: AllocationRequest, reply) => {
    const form = claimForm.safeParse(request.body);
    if (!form.success) return refuseForm(reply, form.error);
    const answer = await controller.claim(request.params.id, bearerToken(request), {
      slurmJobId: form.data.slurm_job_id,
      node: form.data.node,
      restartCount: form.data.restart_count,
      workFolder: form.data.work_folder,
      took: {
        elapsedMs: form.data.elapsed_ms,
        preparedMs: form.data.prepared_ms,
        imageMs: form.data.image_ms,
        dockerMs: form.data.docker_ms,
      },
    });
    reply.code(answer.status).type('text/plain');
    if (answer.status === 200) {
      reply.header('X-Runner-Name', answer.runnerName);
      reply.header('X-Event-Token', answer.eventToken);
      reply.header('X-Idle-Timeout', answer.idleTimeoutSeconds);
      return reply.send(answer.jitConfig);
    }
    if (answer.status === 503) reply.header('Retry-After', answer.retryAfterSeconds);
    return reply.send(`${answer.message}\n`);
  });

  app.post('/v1/allocations/:id/unfit', async (request: AllocationRequest, reply) => {
    const form = unfitForm.safeParse(request.body);
    if (!form.success) return refuseForm(reply, form.error);
    const { slurm_job_id: slurmJobId, node, reason } = form.data;
    const known = controller.noteUnfit(request.params.id, bearerToken(request), { slurmJobId, node, reason });
    return known ? reply.code(204).send() : reply.code(401).type('text/plain').send('wrong claim token\n');
  });

  const outputRoute = { bodyLimit: 2 * maxOutputLength };
  app.post('/v1/allocations/:id/output', outputRoute, async (request: AllocationRequest, reply) => {
    if (typeof request.body !== 'string')
      return reply.code(415).type('text/plain').send('send the output as text/plain\n');
    const known = controller.noteOutput(request.params.id, bearerToken(request), request.body);
    return known ? reply.code(204).send() : reply.code(401).type('text/plain').send('wrong token\n');
  });

  app.post('/v1/allocations/:id/events', async (request: AllocationRequest, reply) => {
    const form = eventForm.safeParse(request.body);
    if (!form.success) return refuseForm(reply, form.error);
    const known = controller.takeEvent(request.params.id, bearerToken(request), form.data.event);
    return known ? reply.code(204).send() : refuseToken(reply);
  });

  app.post('/v1/allocations/:id/idle', async (request: AllocationRequest, reply) => {
    const answer = await controller.answerIdle(request.params.id, bearerToken(request));
    return answer === null ? refuseToken(reply) : reply.type('text/plain').send(answer);
  });
}

function bearerToken(request: FastifyRequest): string {
  return /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
}

function refuseToken(reply: FastifyReply): FastifyReply {
  return reply.code(401).type('text/plain').send('wrong event token\n');
}

function refuseForm(reply: FastifyReply, error: z.ZodError): FastifyReply {
  return reply
    .code(400)
    .type('text/plain')
    .send(`${z.prettifyError(error)}\n`);
}
