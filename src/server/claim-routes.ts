/** What nodes call: `POST /v1/allocations/{id}/claim`, `…/unfit`, `…/output`, `…/events`, `…/idle`. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { answerNode, type NodeApi, nodeQuestions } from '../controller/answer-node.ts';
import { maxOutputLength } from '../controller/note-output.ts';

type AllocationRequest = FastifyRequest<{ Params: { id: string } }>;

export function claimRoutes(app: FastifyInstance, api: NodeApi): void {
  for (const what of nodeQuestions) {
    // The printed text in letters of several bytes; all else is short.
    const options = what === 'output' ? { bodyLimit: 2 * maxOutputLength } : {};
    app.post(`/v1/allocations/:id/${what}`, options, async (request: AllocationRequest, reply) => {
      const { status, headers, body } = await answerNode(api, {
        allocationId: request.params.id,
        what,
        token: bearerToken(request),
        body: request.body,
      });
      return reply
        .code(status)
        .headers(headers ?? {})
        .type('text/plain')
        .send(body);
    });
  }
}

function bearerToken(request: FastifyRequest): string {
  return /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
}
