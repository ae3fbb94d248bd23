/** Somebody sets the wall clock: while a service runs nothing comes sooner or later for it, and at a start nothing much later. */
import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../src/controller/backoff.ts';
import { config } from './controller-config.ts';
import { Harness } from './harness.ts';
import { gitHubFailures } from './in-process-github.ts';
import { slurmFailures } from './in-process-slurm.ts';

const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;

const jumps = [
  ['an hour forward', hourMs],
  ['two hours back', -2 * hourMs],
] as const;

const jump = (h: Harness, ms: number): void => h.clock.setWall(h.clock.wallMs() + ms);

interface Wait {
  /** Until the moment at which the clock is set. */
  readonly begin: (h: Harness) => Promise<void>;
  readonly everyMs: number;
  readonly forMs: number;
  /** What has to come in that time, and how often at least: else nothing is proven. */
  readonly shows: readonly [word: string, times: number];
}

async function claimed(h: Harness): Promise<void> {
  h.queue();
  await h.tick();
  await h.startAndClaim(h.theJob());
  await h.tick();
}

const waits: Readonly<Record<string, Wait>> = {
  'a claim whose runner never comes online': {
    begin: claimed,
    everyMs: 5 * secondMs,
    forMs: 7 * minuteMs,
    shows: ['releasing runner-never-online', 1],
  },
  'a cancel that failed': {
    async begin(h) {
      const [job] = h.queue();
      await h.tick();
      if (job !== undefined) h.github.state.cancelJob(job);
      h.slurm.faults.order('cancel', { kind: 'before', error: slurmFailures.timeout() }, 5);
      while (h.slurm.faults.count('cancel') === 0) await h.tick();
    },
    everyMs: secondMs,
    forMs: 2 * minuteMs,
    shows: ['ended surplus', 1],
  },
  'a fence that failed, and its next ones': {
    async begin(h) {
      h.queue();
      h.slurm.faults.order('submit', { kind: 'before', error: slurmFailures.timeout() });
      h.slurm.faults.order('cancelByName', { kind: 'before', error: slurmFailures.timeout() });
      while (h.slurm.faults.count('cancelByName') === 0) await h.tick();
    },
    everyMs: 5 * secondMs,
    forMs: 15 * minuteMs,
    shows: ['cancelByName', 4],
  },
  'a deregistration that failed': {
    async begin(h) {
      await claimed(h);
      h.github.faults.order('deregister', { kind: 'before', error: gitHubFailures.unavailable() }, 5);
      h.slurm.end(h.theJob(), 'FAILED');
      while (h.github.faults.count('deregister') === 0) await h.tick();
    },
    everyMs: secondMs,
    forMs: 2 * minuteMs,
    shows: ['deregister', 5],
  },
  'a blocked pool': {
    async begin(h) {
      h.queue();
      h.slurm.faults.order('submit', { kind: 'before', error: slurmFailures.refused() }, 6);
      while (!h.controller.pools()[0]?.blocked?.includes('tried again')) await h.tick();
    },
    everyMs: 5 * secondMs,
    forMs: 10 * minuteMs,
    shows: ['submit', 3],
  },
  'a job that rests': {
    async begin(h) {
      h.queue();
      await h.tick();
      h.slurm.end(h.theJob(), 'FAILED');
      await h.tick();
      expect(h.controller.pools()).toMatchObject([{ resting: 1 }]);
    },
    everyMs: minuteMs,
    forMs: 15 * minuteMs,
    shows: ['submit', 1],
  },
  'an end that accounting is asked about': {
    async begin(h) {
      h.slurm.records = [];
      await claimed(h);
      h.slurm.end(h.theJob(), 'FAILED');
      await h.tick();
    },
    everyMs: 5 * secondMs,
    forMs: 15 * minuteMs,
    shows: ['accounting', 4],
  },
  'a first look at what Slurm does not start': {
    async begin(h) {
      h.queue();
      await h.tick();
    },
    everyMs: secondMs,
    forMs: 30 * secondMs,
    shows: ['job', 1],
  },
};

/** All that was called and all that the rows have come to, at each tick of the wait. */
async function courseOf(wait: Wait, jumpMs: number): Promise<string> {
  const h = new Harness({
    limits: { ...config.limits, maxAttempts: wait === waits['a job that rests'] ? 1 : 5 },
  });
  await wait.begin(h);
  const calls = () => [...h.slurm.faults.calls, ...h.github.faults.calls].map(({ name }) => name);
  jump(h, jumpMs);
  const course: string[] = [];
  for (let ms = 0; ms < wait.forMs; ms += wait.everyMs) {
    h.slurm.faults.calls.length = 0;
    h.github.faults.calls.length = 0;
    await h.tick(wait.everyMs);
    const rows = h
      .rows()
      .map(({ state, outcome, releaseOutcome }) => `${state} ${outcome ?? releaseOutcome}`);
    course.push(`${ms / secondMs} s: ${calls().join(' ')}, ${rows.sort().join(', ')}`);
  }
  return course.join('\n');
}

describe.each(Object.entries(waits))('%s', (_, wait) => {
  it.each(jumps)('goes on as if nothing was when the clock is set %s', async (_name, jumpMs) => {
    const undisturbed = await courseOf(wait, 0);
    const [word, times] = wait.shows;
    expect(undisturbed.match(new RegExp(` ${word}(?=[ ,\n]|$)`, 'g'))?.length).toBeGreaterThanOrEqual(times);
    expect(await courseOf(wait, jumpMs)).toBe(undisturbed);
  });
});

describe('a clock that was set', () => {
  it('is told once, and times to come are shown as it has them', async () => {
    const h = new Harness();
    h.queue();
    h.slurm.faults.order('submit', { kind: 'before', error: slurmFailures.refused() }, 3);
    while (!h.controller.pools()[0]?.blocked?.includes('tried again')) await h.tick();
    const shown = () =>
      Date.parse(/tried again at ([^)]+)/.exec(h.controller.pools()[0]?.blocked ?? '')?.[1] ?? '');
    const before = shown();
    jump(h, -2 * hourMs);
    await h.tick();
    await h.tick();
    expect(before - shown()).toBe(2 * hourMs);
    const told = h.log.filter(({ message }) => message.includes('wall clock'));
    expect(told).toMatchObject([{ level: 'warn', data: { seconds: -7_200 } }]);
  });

  it('a day ahead when the service started makes no job too old', async () => {
    const h = new Harness();
    jump(h, 30 * hourMs);
    h.restart();
    jump(h, -30 * hourMs);
    h.queue();
    await h.tick();
    await h.startAndClaim(h.theJob());
    expect(h.live()).toMatchObject([{ state: 'claimed' }]);
  });
});

describe('the tries of a job are told', () => {
  const refusedOnce = (h: Harness) =>
    h.slurm.faults.order('submit', { kind: 'before', error: slurmFailures.refused() });
  const toldOf = (h: Harness, id: number | undefined) =>
    h.controller.explain(id ?? 0)?.events.filter(({ what }) => what.includes('submit-refused')).length;

  it.each([
    ['five hours forward', 5 * hourMs],
    ['five hours back', -5 * hourMs],
  ])('when the clock was set %s while the service runs', async (_name, jumpMs) => {
    const h = new Harness();
    await h.tick();
    jump(h, jumpMs);
    const [job] = h.queue();
    const [other] = h.queue();
    refusedOnce(h);
    await h.tick();
    expect(h.column("select made_for_job_id from allocations where state = 'ended'")).toEqual([job?.id]);
    // Its own, and what was made for another job that waits beside it.
    expect([toldOf(h, job?.id), toldOf(h, other?.id)]).toEqual([1, 1]);
    if (job !== undefined) h.github.state.cancelJob(job);
    if (other !== undefined) h.github.state.cancelJob(other);
    // Until what was made for them, and is not wanted any more, is gone.
    await h.pass(2 * minuteMs);
    expect(h.controller.explain(job?.id ?? 0)?.status).toBe('completed');
    expect([toldOf(h, job?.id), toldOf(h, other?.id)]).toEqual([1, 1]);
    const [later] = h.queue();
    refusedOnce(h);
    await h.tick();
    expect([toldOf(h, later?.id), toldOf(h, job?.id), toldOf(h, other?.id)]).toEqual([1, 1, 1]);
  });
});

describe('a clock that was set back before a start', () => {
  it('keeps no cancel, fence, deregistration, block or rest for longer than it would have been', async () => {
    const h = new Harness({ limits: { ...config.limits, maxAttempts: 1 } });
    h.queue(3);
    h.slurm.faults.order('submit', { kind: 'before', error: slurmFailures.timeout() });
    h.slurm.faults.order('cancelByName', { kind: 'before', error: slurmFailures.timeout() });
    await h.tick();
    await h.tick();
    const [first] = h.slurm.live();
    if (first === undefined) throw new Error('nothing was submitted');
    await h.startAndClaim(first);
    h.github.faults.order('deregister', { kind: 'before', error: gitHubFailures.unavailable() });
    h.slurm.end(first, 'FAILED');
    await h.tick();
    const nowMs = h.clock.wallMs();
    const row = h.rows().at(-1);
    h.store.db.run(
      `insert into cancels (slurm_job_id, slurm_job_name, reason, created_at, retry_at) values (99, 'gha-x-99', 'lost', ${nowMs}, ${nowMs + backoffMs(9, { fraction: () => 0, allocationId: () => '' })})`,
    );
    h.store.db.run(
      `insert into pool_health (pool, stage, strikes, reason, retry_at) values ('other', 'claim', 9, 'no node answers', ${nowMs + 30 * minuteMs})
       on conflict do update set strikes = 9, retry_at = ${nowMs + 30 * minuteMs}`,
    );
    expect(row).toBeDefined();
    jump(h, -2 * hourMs);
    h.restart();
    const leftMs = (query: string) => h.column(query).map((at) => Number(at) - h.clock.wallMs());
    for (const [query, longestMs] of [
      ['select retry_at from cancels where done_at is null', minuteMs],
      ['select retry_at from fences where done_at is null', hourMs],
      ['select created_at from fences where done_at is null', 0],
      ['select answered_at from fences where answered_at is not null', 0],
      ["select retry_at from runners where state = 'registered'", minuteMs],
      ['select retry_at from pool_health', 36 * minuteMs],
      ["select ended_at from allocations where state = 'ended'", 0],
      ['select accounting_due_at from allocations where accounting_due_at is not null', 8 * minuteMs],
      ["select submitted_at from allocations where state <> 'ended' and submitted_at is not null", 0],
    ] as const) {
      const left = leftMs(query);
      expect(left.length, query).toBeGreaterThan(0);
      for (const ms of left) expect(ms, query).toBeLessThanOrEqual(longestMs);
    }
    expect(h.log.filter(({ message }) => message.includes('set back before this start'))).toHaveLength(1);
    jump(h, hourMs);
    h.restart();
    expect(h.log.filter(({ message }) => message.includes('set back before this start'))).toHaveLength(1);
  });

  it('keeps no start that nobody has confirmed for longer, once its registration is gone', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    const { runnerName, eventToken } = await h.startAndClaim(h.theJob());
    const id = h.live()[0]?.id ?? '';
    h.controller.takeEvent(id, eventToken, 'started');
    expect(h.live()).toMatchObject([{ state: 'busy', workflowJobId: null }]);
    if (job !== undefined) h.github.state.cancelJob(job);
    const runner = h.github.find(runnerName);
    if (runner !== undefined) h.github.state.runners.delete(runner.id);
    jump(h, -2 * hourMs);
    h.restart();
    await h.pass(30 * minuteMs);
    expect(h.rows()).toMatchObject([{ state: 'ended' }]);
  });

  it.each([2, -2])('writes the start that GitHub states by our own clock, set by %i h', async (hours) => {
    const h = new Harness();
    h.queue();
    await h.tick();
    const { runnerName } = await h.startAndClaim(h.theJob());
    jump(h, hours * hourMs);
    const runner = h.github.find(runnerName);
    if (runner !== undefined) h.github.state.take(runner);
    await h.tick();
    const [row] = h.live();
    expect(row).toMatchObject({ state: 'busy' });
    const sinceClaimMs = (row?.startedAt ?? 0) - (row?.firstClaimedAt ?? 0);
    expect(sinceClaimMs).toBeGreaterThanOrEqual(0);
    expect(sinceClaimMs).toBeLessThan(minuteMs);
  });
});
