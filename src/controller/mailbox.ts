/**
 * `runner.handoff: mailbox`, for nodes that reach GitHub and not the service. The batch script writes what it would ask over HTTP
 * into the comment of its own Slurm job; the service reads that of jobs that Slurm says are running, answers by the same
 * functions as over HTTP, and writes the answer there in parts, each acknowledged by the job.
 *
 * An answer is kept until the job has taken all of it: what Slurm did not take is written again at the next look, and a job that
 * asks anew, with a higher number, because it got no answer in time, gets the same runner. Nothing is stored: after a restart it gets
 * another, as over HTTP. The comment is the site's again when the last part is taken.
 */
import { findAllocation, userOfSlurmJob } from '../store/allocation-rows.ts';
import { liveAllocationsInBrief } from '../store/live-allocations.ts';
import type { NodeAnswer, NodeRequest } from './answer-node.ts';
import type { Context } from './context.ts';
import { decrypt, encrypt, mailboxKey, seal, unseal } from './mailbox-seal.ts';
import { tokenMatches } from './secret-token.ts';

/** Slurm's limit for a comment is 1,024 bytes; seal and numbers take less than 100 of them. */
const partLength = 900;
/** A job that prepares its image may take minutes until it asks. */
const soonestLookMs = 1_000;
const latestLookMs = 5_000;
/** A claimed runner asks whether it shall stop, and that after minutes. */
const claimedLookMs = 15_000;
/** What a job waits for each part: two looks. */
export const answeredWithinMs = 30_000;

interface Box {
  /** Monotonic: when it is looked at again, and since when nothing was found in it. */
  dueMs: number;
  quietSinceMs: number;
  /** The highest question that was answered: an older one is a repetition. */
  sequence: number;
  /** Its answer in parts; none when the job has taken them all. */
  parts: readonly string[];
  /** A runner that was minted for it and is on its way, and how often it was handed out. */
  grant: { readonly answer: NodeAnswer; times: number } | null;
}

/** A job that can't read its answer would ask for the same one until its time is over. */
const mostHandOuts = 3;

type Row = ReturnType<typeof liveAllocationsInBrief>[number];

export class Mailbox {
  readonly #context: Context;
  readonly #answer: (request: NodeRequest) => Promise<NodeAnswer>;
  readonly #boxes = new Map<string, Box>();

  constructor(context: Context, answer: (request: NodeRequest) => Promise<NodeAnswer>) {
    this.#context = context;
    this.#answer = answer;
  }

  look(): void {
    const { store, clock, config, seen, effects } = this.#context;
    const { handoff } = config.job;
    if (handoff.kind !== 'mailbox') return;
    const nowMs = clock.monotonicMs();
    const open = new Set<string>();
    for (const row of liveAllocationsInBrief(store.db)) {
      if (row.slurmJobId === null || seen.phases.get(row.id) !== 'running') continue;
      if (row.state !== 'pending' && row.state !== 'claimed' && row.state !== 'releasing') continue;
      open.add(row.id);
      const box = this.#boxes.get(row.id) ?? {
        dueMs: nowMs,
        quietSinceMs: nowMs,
        sequence: 0,
        parts: [],
        grant: null,
      };
      this.#boxes.set(row.id, box);
      if (box.dueMs > nowMs) continue;
      const pause = Math.max(soonestLookMs, Math.min(latestLookMs, (nowMs - box.quietSinceMs) / 10));
      box.dueMs = nowMs + (row.state === 'claimed' && box.parts.length === 0 ? claimedLookMs : pause);
      effects.run('mailbox', `mailbox:${row.id}`, () =>
        this.#serve(row, box, mailboxKey(handoff.secret, row.slurmJobName)),
      );
    }
    for (const id of this.#boxes.keys()) if (!open.has(id)) this.#boxes.delete(id);
  }

  async #serve(row: Row, box: Box, key: string): Promise<void> {
    const { store, slurm, log, clock } = this.#context;
    if (row.slurmJobId === null) return;
    try {
      const user = userOfSlurmJob(store.db, row.slurmJobName);
      const job = await slurm.job(row.slurmJobId, user);
      // Numbers are used again.
      if (job?.name !== row.slurmJobName) return;
      const message = unseal(key, job.comment);
      // The job has taken all of an answer, or has not asked.
      if (message === null) Object.assign(box, { parts: [], grant: null });
      if (message?.[0] !== 'gs1') return;
      const reply = await this.#replyTo(row, box, key, message);
      if (reply === null) return;
      box.quietSinceMs = box.dueMs = clock.monotonicMs();
      await slurm.setComment({ id: job.id, name: job.name, user }, reply);
    } catch (error) {
      log.warn({ allocationId: row.id, err: error }, 'the mailbox of a Slurm job can not be served');
    }
  }

  async #replyTo(row: Row, box: Box, key: string, message: readonly string[]): Promise<string | null> {
    const [, kind, sequenceText = '', rest = ''] = message;
    const sequence = Number(sequenceText);
    if (kind === 'k') {
      const part = box.parts[Number(rest)];
      if (sequence !== box.sequence || part === undefined) return null;
      return part;
    }
    // Slurm has not taken the first part, or the job has written over it.
    if (kind === 'q' && sequence === box.sequence) return box.parts[0] ?? null;
    if (kind !== 'q' || sequence < box.sequence) return null;
    const question = parseQuestion(decrypt(key, rest));
    if (question === null) return null;
    const answer =
      this.#grantOnItsWay(row, box, question) ?? (await this.#answer({ allocationId: row.id, ...question }));
    box.sequence = sequence;
    box.parts = inParts(key, sequence, toText(answer));
    if (question.what === 'claim' && answer.status === 200 && box.grant?.answer !== answer)
      box.grant = { answer, times: 1 };
    return box.parts[0] ?? null;
  }

  /** Null when the job has to be asked for, or may not have one. */
  #grantOnItsWay(
    { id }: Row,
    box: Box,
    { what, token, body }: Omit<NodeRequest, 'allocationId'>,
  ): NodeAnswer | null {
    const { grant } = box;
    if (what !== 'claim' || grant === null || grant.times >= mostHandOuts) return null;
    // The runner was another script's, and is not for one that Slurm has started again: that one is refused.
    if (isStartedAgain(body)) return null;
    const row = findAllocation(this.#context.store.db, id);
    if (row?.state !== 'claimed' || row.claimTokenHash === null || !tokenMatches(token, row.claimTokenHash))
      return null;
    grant.times += 1;
    return grant.answer;
  }
}

/** WHAT, the token, and the body, a line each; the body of `output` is all that follows. */
function parseQuestion(text: string | null): Omit<NodeRequest, 'allocationId'> | null {
  const [what, token, ...lines] = text?.split('\n') ?? [];
  if (what === undefined || token === undefined) return null;
  const body = lines.join('\n');
  return {
    what,
    token,
    body: what === 'output' ? body : Object.fromEntries(new URLSearchParams(body.trim())),
  };
}

const isStartedAgain = (body: unknown): boolean =>
  Number((body as { readonly restart_count?: string }).restart_count ?? 0) > 0;

/** As HTTP has it: the status, headers, an empty line, the body. */
const toText = ({ status, headers = {}, body = '' }: NodeAnswer): string =>
  [status, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), '', body].join('\n');

function inParts(key: string, sequence: number, answer: string): string[] {
  const text = encrypt(key, answer);
  const pieces = text.match(new RegExp(`.{1,${partLength}}`, 'g')) ?? [];
  return pieces.map((piece, index) => seal(key, ['gs1', 'a', sequence, index + 1, pieces.length, piece]));
}
