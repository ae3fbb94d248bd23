/**
 * What a node asks, and what it is answered, whichever way it came: over HTTP, or through the mailbox. Form fields in, plain text
 * out: bash is on the other end.
 */
import { z } from 'zod';
import type { ClaimAnswer, ClaimRequest } from './claim-answer.ts';
import { type NodeEvent, nodeEvents } from './node-events.ts';
import type { Unfit } from './note-unfit.ts';

export interface NodeRequest {
  readonly allocationId: string;
  readonly what: string;
  /** The claim token, or the event token that the claim was answered with. */
  readonly token: string;
  /** Fields of the form; a text for `output`. */
  readonly body: unknown;
}

export interface NodeAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: string;
}

/** The part of the controller that nodes ask. */
export interface NodeApi {
  claim(allocationId: string, token: string, request: ClaimRequest): Promise<ClaimAnswer>;
  /** False for a wrong claim token, or an allocation that has gone on. */
  noteUnfit(allocationId: string, token: string, unfit: Unfit): boolean;
  /** False when the token is neither the claim token nor the event token. */
  noteOutput(allocationId: string, token: string, output: string): boolean;
  /** False when the token is wrong. */
  takeEvent(allocationId: string, token: string, event: NodeEvent): boolean;
  /** Null when the token is wrong. */
  answerIdle(allocationId: string, token: string): Promise<'stop' | 'stay' | null>;
}

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

const answers: Readonly<Record<string, (api: NodeApi, request: NodeRequest) => Promise<NodeAnswer>>> = {
  async claim(api, { allocationId, token, body }) {
    const form = claimForm.safeParse(body);
    if (!form.success) return badForm(form.error);
    const answer = await api.claim(allocationId, token, {
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
    if (answer.status === 200) {
      const headers = {
        'X-Runner-Name': answer.runnerName,
        'X-Event-Token': answer.eventToken,
        'X-Idle-Timeout': answer.idleTimeoutSeconds,
      };
      return { status: 200, headers, body: answer.jitConfig };
    }
    const headers = answer.status === 503 ? { 'Retry-After': answer.retryAfterSeconds } : {};
    return { status: answer.status, headers, body: `${answer.message}\n` };
  },

  async unfit(api, { allocationId, token, body }) {
    const form = unfitForm.safeParse(body);
    if (!form.success) return badForm(form.error);
    const { slurm_job_id: slurmJobId, node, reason } = form.data;
    return known(api.noteUnfit(allocationId, token, { slurmJobId, node, reason }), 'wrong claim token');
  },

  async output(api, { allocationId, token, body }) {
    if (typeof body !== 'string') return { status: 415, body: 'send the output as text/plain\n' };
    return known(api.noteOutput(allocationId, token, body), 'wrong token');
  },

  async events(api, { allocationId, token, body }) {
    const form = eventForm.safeParse(body);
    if (!form.success) return badForm(form.error);
    return known(api.takeEvent(allocationId, token, form.data.event), 'wrong event token');
  },

  async idle(api, { allocationId, token }) {
    const answer = await api.answerIdle(allocationId, token);
    return answer === null ? known(false, 'wrong event token') : { status: 200, body: answer };
  },
};

/** 404 for what nobody can ask. */
export function answerNode(api: NodeApi, request: NodeRequest): Promise<NodeAnswer> {
  const answer = Object.hasOwn(answers, request.what) ? answers[request.what] : undefined;
  return answer?.(api, request) ?? Promise.resolve({ status: 404, body: 'nothing is asked like this\n' });
}

export const nodeQuestions: readonly string[] = Object.keys(answers);

const known = (isKnown: boolean, otherwise: string): NodeAnswer =>
  isKnown ? { status: 204 } : { status: 401, body: `${otherwise}\n` };

const badForm = (error: z.ZodError): NodeAnswer => ({ status: 400, body: `${z.prettifyError(error)}\n` });
