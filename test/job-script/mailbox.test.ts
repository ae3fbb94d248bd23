/** A batch script whose node does not reach the service: it asks through the comment of its Slurm job. */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { claimToken } from './start-job.ts';
import { key, partsOf, type Question, startMailboxJob } from './start-mailbox.ts';

// Does not compress, as a real one.
const jitConfig = randomBytes(300).toString('base64');
const granted = [
  '200',
  'X-Runner-Name: gha-i-abc-1',
  'X-Event-Token: event-token',
  'X-Idle-Timeout: 600',
  '',
  jitConfig,
].join('\n');
const grant = ({ sequence, text }: Question): string[] | null =>
  text.startsWith('claim\n') ? partsOf(sequence, granted) : partsOf(sequence, '204\n\n');
/** @returns how many there are. */
function ascends(questions: readonly Question[]): number {
  const sequences = questions.map(({ sequence }) => sequence);
  expect(sequences).toEqual([...new Set(sequences)].toSorted((a, b) => a - b));
  return sequences.length;
}
const startsAJob = '"$ACTIONS_RUNNER_HOOK_JOB_STARTED"';

describe('the mailbox', () => {
  it('a claim: asked with all that HTTP has, answered in parts, and the comment is the site’s again', async () => {
    const job = await startMailboxJob(`${startsAJob}; env > "$SEEN/env"`, grant);
    expect(await job.ended).toBe(0);
    const [question] = job.questions;
    const [what, token, form] = question?.text.split('\n') ?? [];
    expect([what, token]).toEqual(['claim', claimToken]);
    expect(Object.fromEntries(new URLSearchParams(form))).toMatchObject({
      slurm_job_id: '42',
      node: 'node7',
      restart_count: '0',
      work_folder: join(job.scratch, 'gha-42-abc/work/_work'),
    });
    const env = readFileSync(join(job.seen, 'env'), 'utf8');
    expect(env).toContain(`ACTIONS_RUNNER_INPUT_JITCONFIG=${jitConfig}\n`);
    expect(env).not.toMatch(/GHA_SLURM|claim-token|event-token/);
    expect(env).not.toContain(key);
    // In parts, each acknowledged.
    expect(job.comments.filter((comment) => comment.startsWith('gs1:k:')).length).toBeGreaterThan(2);
    expect(job.questions).toHaveLength(1);
    expect(job.comments.at(-1)).toBe('of the site');
    expect(job.requests).toEqual([]);
    expect(readdirSync(job.scratch)).toEqual([]);
    for (const comment of job.comments) {
      expect(comment.length).toBeLessThanOrEqual(1_024);
      expect(comment).not.toMatch(/claim|token/);
      expect(comment).not.toContain(jitConfig.slice(0, 8));
    }
  });

  it.each([
    ['forged', ([first = '', second = '']) => [first, second.replace(/:[^:]+(?=:[^:]+$)/, ':AAAA')]],
    ['cut', ([first = '']) => [first.slice(0, -1)]],
    ['repeated', ([first = '']) => [first, first]],
    ['out of order', ([, second = '']) => [second]],
    ["another question's", (_parts, other) => other],
    ['no part at all', () => ['x']],
  ] satisfies readonly (readonly [
    string,
    (parts: readonly string[], other: readonly string[]) => readonly string[],
  ])[])('a part that is %s is not taken: the job asks again', async (_what, bad) => {
    const job = await startMailboxJob(
      `${startsAJob}; printf %s "$ACTIONS_RUNNER_INPUT_JITCONFIG" > "$SEEN/config"`,
      ({ sequence }, before) => {
        const parts = partsOf(sequence, granted, 300);
        return before.length === 0 ? bad(parts, partsOf(sequence + 1, granted, 300)) : parts;
      },
      { env: { GHA_SLURM_MAILBOX_WAIT: '2' } },
    );
    expect(await job.ended).toBe(0);
    expect(ascends(job.questions)).toBe(2);
    expect(readFileSync(join(job.seen, 'config'), 'utf8')).toBe(jitConfig);
    expect(readdirSync(job.scratch)).toEqual([]);
  });

  it('no answer: asks again with the next number, until the time of its claim is over', async () => {
    const job = await startMailboxJob('touch "$SEEN/ran"', () => null, {
      env: { GHA_SLURM_CLAIM_WAIT: '5', GHA_SLURM_MAILBOX_WAIT: '2' },
    });
    expect(await job.ended).toBe(75);
    expect(ascends(job.questions)).toBe(2);
    expect(job.output()).toContain('does not answer a claim (status 000)');
    expect(existsSync(join(job.seen, 'ran'))).toBe(false);
    expect(job.comments.at(-1)).toBe('of the site');
    expect(readdirSync(job.scratch)).toEqual([]);
  });

  it.each([
    ['its question', [1, 2, 3]],
    ['an acknowledgement', [3, 4]],
    ['what the site had there', [8, 9]],
  ])(
    'Slurm does not take %s at first: written again at once, nothing is asked twice',
    async (_what, refusals) => {
      const job = await startMailboxJob(startsAJob, grant, { refusals });
      expect(await job.ended).toBe(0);
      expect(ascends(job.questions)).toBe(1);
      expect(job.comment()).toBe('of the site');
    },
  );

  it.each([
    ['while it waits for its answer', () => null],
    ['while its runner runs', grant],
  ])('told to end %s: the comment is the site’s again', async (_what, answer) => {
    const job = await startMailboxJob(
      'touch "$SEEN/runs"; trap "exit 0" INT; while :; do sleep 0.1; done',
      answer,
    );
    await until(() => job.questions.length === 1 && (answer !== grant || readdirSync(job.seen).length === 1));
    // Slurm's TERM goes to all processes of the step.
    process.kill(-job.pid, 'SIGTERM');
    expect(await job.ended).toBe(0);
    expect(job.comment()).toBe('of the site');
    expect(readdirSync(job.scratch)).toEqual([]);
  });

  it('what a script before it has left in the comment is not the site’s', async () => {
    const job = await startMailboxJob(startsAJob, grant, { comment: 'gs1:k:1:1:left' });
    expect(await job.ended).toBe(0);
    expect(job.comment()).toBe('');
  });

  it('410 ends it, and what a node lacks is said with its letters', async () => {
    const gone = await startMailboxJob('true', ({ sequence }) => partsOf(sequence, '410\n\nnot wanted\n'));
    expect(await gone.ended).toBe(0);
    expect(gone.output()).toContain('no runner is wanted: not wanted');
    const unfit = await startMailboxJob('true', grant, {
      env: { GHA_SLURM_MOUNTS: '/cvmfs/müde & leer=1' },
    });
    expect(await unfit.ended).toBe(69);
    const [what, token, form] = unfit.questions[0]?.text.split('\n') ?? [];
    expect([what, token]).toEqual(['unfit', claimToken]);
    expect(new URLSearchParams(form).get('reason')).toBe(
      '/cvmfs/müde & leer=1 is not mounted, or empty: see runner.launcher.mounts',
    );
    // The end of what was printed, as far as a comment has room.
    expect(unfit.questions[1]?.text).toMatch(/^output\n.*\n(.*\n)*.*is not mounted/);
  });

  it.each(['openssl', 'gzip'])(
    'a node without %s: only its output and its exit can say so',
    async (missing) => {
      const path = temporaryFolder();
      for (const name of ['bash', 'env', 'cat', 'id', 'timeout', 'sleep', 'openssl', 'gzip'])
        if (name !== missing) symlinkSync(`/usr/bin/${name}`, join(path, name));
      for (const name of ['scontrol', 'squeue'])
        writeFileSync(join(path, name), '#!/bin/bash\necho of the site\n', { mode: 0o755 });
      const job = await startMailboxJob('true', () => [], { env: { PATH: path } });
      expect(await job.ended).toBe(69);
      expect(job.output()).toContain(`gha-slurm: the handoff mailbox needs ${missing}\n`);
      expect(job.questions).toEqual([]);
      expect(readdirSync(job.scratch)).toEqual([]);
    },
  );

  it('a runner without a job asks whether to stop', async () => {
    const job = await startMailboxJob(
      'trap "touch $SEEN/INT; exit 0" INT; while :; do sleep 0.1; done',
      (question) =>
        question.text.startsWith('idle\nevent-token\n')
          ? partsOf(question.sequence, '200\n\nstop')
          : partsOf(question.sequence, granted.replace('600', '1')),
    );
    expect(await job.ended).toBe(0);
    expect(readdirSync(job.seen)).toEqual(['INT']);
    expect(job.comments.at(-1)).toBe('of the site');
  });
});
