/** The batch script's end of a mailbox (slurm/job/mailbox.sh), a look at a time. */
import { decrypt, encrypt, seal, unseal } from '../../src/controller/mailbox-seal.ts';
import type { InProcessJob } from './in-process-slurm.ts';

export class MailboxNode {
  readonly job: InProcessJob;
  readonly key: string;
  /** Of the last question. */
  sequence: number;
  #taken: string[] = [];

  /** `sequence`: what the node's clock says, so that a script that Slurm starts again does not begin anew. */
  constructor(job: InProcessJob, sequence = 0) {
    this.job = job;
    this.sequence = sequence;
    this.key = job.environment['GHA_SLURM_MAILBOX_KEY'] ?? '';
  }

  ask(what: string, form: string, token = this.job.environment['GHA_SLURM_CLAIM_TOKEN'] ?? ''): void {
    this.sequence += 1;
    this.#taken = [];
    const payload = encrypt(this.key, `${what}\n${token}\n${form}`);
    this.job.comment = seal(this.key, ['gs1', 'q', this.sequence, payload]);
  }

  claim(): void {
    this.ask('claim', `slurm_job_id=${this.job.id}&node=node&restart_count=${this.job.restarts}`);
  }

  /** The part that is in the comment now. */
  part(): { sequence: number; part: number; parts: number; payload: string } | null {
    const [, kind, sequence, part, parts, payload = ''] = unseal(this.key, this.job.comment) ?? [];
    return kind === 'a'
      ? { sequence: Number(sequence), part: Number(part), parts: Number(parts), payload }
      : null;
  }

  /** Takes the next part, if it is there. @returns the answer as HTTP has it, when that was the last one. */
  look(): string | null {
    const found = this.part();
    if (found?.sequence !== this.sequence || found.part !== this.#taken.length + 1) return null;
    this.#taken.push(found.payload);
    if (found.part < found.parts) {
      this.job.comment = seal(this.key, ['gs1', 'k', this.sequence, found.part]);
      return null;
    }
    this.job.comment = '';
    return decrypt(this.key, this.#taken.join(''));
  }
}
