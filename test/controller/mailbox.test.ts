/** Claims of Slurm jobs whose nodes don't reach the service: the same guards as over HTTP, behind a seal. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encrypt, mailboxKey, seal, unseal } from '../../src/controller/mailbox-seal.ts';
import { config } from './controller-config.ts';
import { Harness } from './harness.ts';
import { slurmFailures } from './in-process-slurm.ts';
import { MailboxNode } from './mailbox-node.ts';

const secret = 'a secret of the service, 32 characters at least';
const inMailboxes = { ...config, job: { ...config.job, handoff: { kind: 'mailbox', secret } } } as const;

/** Takes all parts. @returns the answer, as HTTP has it; null where none comes within a minute. */
async function take(h: Harness, node: MailboxNode): Promise<string | null> {
  for (let ticks = 0; ticks < 12; ticks += 1) {
    await h.tick();
    const answer = node.look();
    if (answer !== null) return answer;
  }
  return null;
}

async function withOneJob(): Promise<{ h: Harness; node: MailboxNode }> {
  const h = new Harness(inMailboxes);
  h.queue();
  await h.tick();
  const node = new MailboxNode(h.theJob());
  h.slurm.start(node.job);
  return { h, node };
}

describe('a mailbox', () => {
  it('a claim is answered as over HTTP; what the comment has is for that job alone', async () => {
    const { h, node } = await withOneJob();
    expect(node.job.environment).not.toHaveProperty('GHA_SLURM_URL');
    expect(node.key).toBe(mailboxKey(secret, node.job.name));
    node.claim();
    const answer = await take(h, node);
    const [name] = h.column('select name from runners');
    expect(answer).toContain(`200\nX-Runner-Name: ${name}\n`);
    expect(answer).toContain(`\n\njit of ${name}`);
    expect(h.live()).toMatchObject([{ state: 'claimed', node: 'node', claims: 1 }]);
    expect(node.job.comment).toBe('');
  });

  it('is not looked into before its job runs, nor with the handoff over HTTP', async () => {
    const h = new Harness(inMailboxes);
    h.queue();
    await h.tick();
    const node = new MailboxNode(h.theJob());
    node.claim();
    await h.pass(30_000);
    expect(node.part()).toBeNull();
    expect(h.github.faults.count('mint')).toBe(0);
    const http = new Harness();
    http.queue();
    await http.tick();
    http.slurm.start(http.theJob());
    await http.pass(30_000);
    expect(http.slurm.faults.count('job')).toBe(0);
  });

  it.each([
    ['the seal of another key', () => seal(mailboxKey(secret, 'gha-another'), ['gs1', 'q', 1, 'x'])],
    [
      'a payload of another key',
      (node: MailboxNode) =>
        seal(node.key, ['gs1', 'q', 1, encrypt(mailboxKey(secret, 'gha-another'), 'claim\nt\n')]),
    ],
    [
      'a payload that is cut',
      (node: MailboxNode) => {
        node.claim();
        const [gs1 = '', q = '', n = '', payload = ''] = unseal(node.key, node.job.comment) ?? [];
        return seal(node.key, [gs1, q, n, payload.slice(0, -20)]);
      },
    ],
    ['an acknowledgement of nothing', (node: MailboxNode) => seal(node.key, ['gs1', 'k', 1, 1])],
    ['a comment of the site', () => 'project 7: do not kill'],
  ])('%s is left alone', async (_what, comment) => {
    const { h, node } = await withOneJob();
    node.job.comment = comment(node);
    const found = node.job.comment;
    await h.pass(20_000);
    expect(node.job.comment).toBe(found);
    expect(h.github.faults.count('mint')).toBe(0);
  });

  it('a wrong claim token gets 401, and mints nothing', async () => {
    const { h, node } = await withOneJob();
    node.ask('claim', `slurm_job_id=${node.job.id}`, 'wrong');
    expect(await take(h, node)).toMatch(/^401\n/);
    node.ask('explode', '');
    expect(await take(h, node)).toMatch(/^404\n/);
    expect(h.github.faults.count('mint')).toBe(0);
  });

  it('a question that is repeated is not answered again', async () => {
    const { h, node } = await withOneJob();
    node.claim();
    const question = node.job.comment;
    expect(await take(h, node)).toMatch(/^200\n/);
    // It is seen that all is taken.
    await h.pass(20_000);
    node.job.comment = question;
    await h.pass(60_000);
    expect(node.job.comment).toBe(question);
    expect(h.github.faults.count('mint')).toBe(1);
  });

  it('the service dies before the answer is taken: asked again, the first registration goes before the second mint', async () => {
    const { h, node } = await withOneJob();
    node.claim();
    await h.tick();
    expect(node.part()).toMatchObject({ part: 1 });
    h.restart();
    // Of an answer that nobody has any more.
    node.job.comment = seal(node.key, ['gs1', 'k', 1, 1]);
    await h.pass(20_000);
    expect(node.part()).toBeNull();
    node.claim();
    expect(await take(h, node)).toMatch(/^200\n/);
    expect(h.github.state.runners.size).toBe(1);
    expect(h.column('select count(*) from runners')).toEqual([2]);
    expect(h.live()).toMatchObject([{ state: 'claimed', claims: 2 }]);
  });

  it('a number that is another job’s by now: nothing is read, and nothing written', async () => {
    const { h, node } = await withOneJob();
    await h.tick();
    const { id } = node.job;
    h.slurm.forget(node.job, id);
    const other = h.slurm.add('somebody-else');
    expect(other.id).toBe(id);
    h.slurm.start(other);
    other.comment = seal(node.key, ['gs1', 'q', 1, encrypt(node.key, `claim\nt\nslurm_job_id=${id}`)]);
    const found = other.comment;
    await h.pass(30_000);
    expect(other.comment).toBe(found);
  });

  it.each([1, 2, 3])(
    'Slurm does not take part %i of an answer: it is written again, and nothing is minted again',
    async (part) => {
      const { h, node } = await withOneJob();
      // Does not compress, as a real one.
      const config = randomBytes(3_000).toString('base64');
      h.github.jitConfigOf = () => config;
      node.claim();
      for (let taken = 0; taken < part - 1; taken += 1) {
        await h.tick();
        expect(node.look()).toBeNull();
      }
      h.slurm.faults.order('setComment', { kind: 'before', error: slurmFailures.timeout() });
      expect(await take(h, node)).toContain(`\n\n${config}`);
      expect(node.sequence).toBe(1);
      expect(h.github.faults.count('mint')).toBe(1);
      expect(h.live()).toMatchObject([{ state: 'claimed', claims: 1 }]);
    },
  );

  it('the job asks anew before it has taken its answer: it gets the runner that is there', async () => {
    const { h, node } = await withOneJob();
    node.claim();
    await h.tick();
    expect(node.part()).toMatchObject({ sequence: 1, part: 1 });
    node.claim();
    expect(await take(h, node)).toMatch(/^200\n/);
    expect(node.sequence).toBe(2);
    expect(h.github.faults.count('mint')).toBe(1);
    expect(h.column('select count(*) from runners')).toEqual([1]);
  });

  it('Slurm starts the job again before it has taken its answer: it gets no runner, and is cancelled', async () => {
    const { h, node } = await withOneJob();
    node.claim();
    await h.tick();
    expect(node.part()).toMatchObject({ sequence: 1, part: 1 });
    node.job.restarts += 1;
    node.claim();
    expect(await take(h, node)).toMatch(/^410\n/);
    await h.tick();
    expect(node.job.states).toEqual(['CANCELLED']);
    expect(h.github.faults.count('mint')).toBe(1);
  });

  it('it asks anew for the fourth time: it gets another runner, and the first one is deleted', async () => {
    const { h, node } = await withOneJob();
    for (let count = 0; count < 4; count += 1) {
      node.claim();
      await h.tick();
      expect(node.part()).toMatchObject({ sequence: count + 1, part: 1 });
    }
    expect(h.column('select count(*) from runners')).toEqual([2]);
    expect(h.github.state.runners.size).toBe(1);
  });

  it('it asks anew when its job is no longer wanted: it gets no runner', async () => {
    const { h, node } = await withOneJob();
    node.claim();
    await h.tick();
    expect(node.part()).toMatchObject({ sequence: 1, part: 1 });
    for (const job of [...h.github.state.jobs.values()]) h.github.state.cancelJob(job);
    await h.pass(60_000);
    expect(h.live()[0]?.state ?? 'ended').not.toBe('claimed');
    node.claim();
    const answer = await take(h, node);
    expect(answer ?? '410').toMatch(/^410/);
    expect(h.github.faults.count('mint')).toBe(1);
  });

  it('what a node lacks, an idle runner and a failed start are heard; a runner at work is not looked at', async () => {
    const { h, node } = await withOneJob();
    node.ask('unfit', `slurm_job_id=${node.job.id}&node=n1&reason=no+Docker`);
    expect(await take(h, node)).toMatch(/^204\n/);
    expect(h.rows()[0]?.reason).toContain('no Docker');
    node.claim();
    const eventToken = /X-Event-Token: (\S+)/.exec((await take(h, node)) ?? '')?.[1] ?? '';
    node.ask('output', 'it failed', eventToken);
    await h.pass(20_000);
    expect(h.column('select text from allocation_outputs')).toEqual(['it failed']);
    const [name = ''] = h.column('select name from runners');
    h.take(String(name));
    await h.tick();
    expect(h.live()).toMatchObject([{ state: 'busy' }]);
    const before = h.slurm.faults.count('job');
    await h.pass(120_000);
    expect(h.slurm.faults.count('job')).toBe(before);
  });
});
