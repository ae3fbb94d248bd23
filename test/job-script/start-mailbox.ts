/** A `scontrol` and a `squeue` of the test's own, whose job has its comment in a file, and the service's end of the mailbox. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { decrypt, encrypt, mailboxKey, seal, unseal } from '../../src/controller/mailbox-seal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Job, startJob } from './start-job.ts';

export const key = mailboxKey('a secret of the service that has 32 characters', 'gha-i-abc');

export interface Question {
  readonly sequence: number;
  /** WHAT, the token and the form, a line each. */
  readonly text: string;
}

export interface MailboxJob extends Job {
  readonly questions: readonly Question[];
  /** The comment that the job has now. */
  readonly comment: () => string;
  /** Every comment that the job has had. */
  readonly comments: readonly string[];
}

/** What the service writes, in order: the next one when the job has taken the one before; null: it does not answer. */
type Answer = (question: Question, before: readonly Question[]) => readonly string[] | null;

export const partsOf = (sequence: number, answer: string, length = 120): string[] => {
  const pieces = encrypt(key, answer).match(new RegExp(`.{1,${length}}`, 'g')) ?? [];
  return pieces.map((piece, index) => seal(key, ['gs1', 'a', sequence, index + 1, pieces.length, piece]));
};

export async function startMailboxJob(
  runner: string,
  answer: Answer,
  {
    comment = 'of the site',
    env = {},
    refusals = [],
  }: {
    comment?: string;
    env?: Readonly<Record<string, string>>;
    /** Calls of scontrol that fail, by their number. */
    refusals?: readonly number[];
  } = {},
): Promise<MailboxJob> {
  const folder = temporaryFolder();
  const file = join(folder, 'comment');
  writeFileSync(file, comment);
  const program = (name: string, text: string): void =>
    writeFileSync(join(folder, name), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
  program('squeue', `comment=$(cat ${file}); echo "\${comment:-(null)}"`);
  program(
    'scontrol',
    `echo >> ${file}.calls; case " ${refusals.join(' ')} " in *" $(grep -c '' ${file}.calls) "*) exit 1 ;; esac
    printf '%s' "\${3#Comment=}" > ${file}.new && mv ${file}.new ${file}`,
  );
  const questions: Question[] = [];
  const comments: string[] = [];
  let over = false;
  const job = await startJob(runner, () => ({ status: 500 }), {
    handoff: 'mailbox',
    env: {
      PATH: `${folder}:${process.env['PATH']}`,
      GHA_SLURM_URL: '',
      GHA_SLURM_MAILBOX_KEY: key,
      GHA_SLURM_CLAIM_WAIT: '60',
      ...env,
    },
  });
  const serve = async (): Promise<void> => {
    let writes: string[] = [];
    while (!over) {
      await setTimeout(20);
      const found = readFileSync(file, 'utf8');
      if (found === comments.at(-1)) continue;
      comments.push(found);
      const [, kind, sequence, rest = ''] = unseal(key, found) ?? [];
      if (kind === 'q') {
        const question = { sequence: Number(sequence), text: decrypt(key, rest) ?? '' };
        writes = [...(answer(question, [...questions]) ?? [])];
        questions.push(question);
      }
      const next = kind === 'q' || kind === 'k' ? writes.shift() : undefined;
      if (next !== undefined) writeFileSync(file, next);
    }
  };
  const served = serve();
  onTestFinished(async () => {
    over = true;
    await served;
  });
  return { ...job, questions, comments, comment: () => readFileSync(file, 'utf8') };
}
