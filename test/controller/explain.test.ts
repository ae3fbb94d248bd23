/** A job's whole life in order, and why it waits now. */
import { describe, expect, it } from 'vitest';
import { poolOf } from '../../src/domain/pool.ts';
import { config, repository } from './controller-config.ts';
import { Harness } from './harness.ts';
import { gitHubFailures } from './in-process-github.ts';
import { slurmFailures } from './in-process-slurm.ts';

describe('explain', () => {
  it('tells the tries that came to nothing, the one that did it, and how it ended', async () => {
    const h = new Harness();
    h.slurm.faults.order('submit', { kind: 'before', error: slurmFailures.refused('QOS limit') });
    const [job] = h.queue();
    if (job === undefined) throw new Error('no job was queued');
    await h.tick();
    expect(h.controller.explain(job.id)?.now).toMatch(/last try, the allocation \w+, failed.*QOS limit/);
    await h.tick();
    expect(h.controller.explain(job.id)?.now).toMatch(/waits for a runner.*Slurm job 1, is pending/);
    const granted = await h.startAndClaim(h.theJob());
    h.take(granted.runnerName);
    await h.tick();
    expect(h.controller.explain(job.id)).toMatchObject({ status: 'in_progress' });
    expect(h.controller.explain(job.id)?.now).toMatch(/It runs: allocation \w+, Slurm job 1, is busy/);
    h.github.state.complete(job, 'success');
    h.slurm.end(h.theJob());
    await h.tick();
    await h.tick();
    const life = h.controller.explain(job.id);
    expect(life?.now).toBe('It is over: success.');
    expect(life?.events.map(({ what }) => what.replaceAll(/[a-z2-7]{16}/g, 'ID'))).toEqual([
      'queued at GitHub',
      'seen by this service: its profile is slurm-small',
      'allocation ID is submitting',
      'allocation ID is ended: submit-refused: QOS limit',
      'allocation ID, Slurm job 1 is submitting',
      'allocation ID, Slurm job 1 is pending',
      'allocation ID, Slurm job 1 is claimed: claimed by Slurm job 1 on node',
      `allocation ID asks GitHub for the runner ${granted.runnerName.replaceAll(/[a-z2-7]{16}/g, 'ID')}: GitHub has it no more`,
      `started on the runner ${granted.runnerName.replaceAll(/[a-z2-7]{16}/g, 'ID')}`,
      `allocation ID, Slurm job 1 is busy: GitHub names its runner on job ${job.id}`,
      'over: success',
      'allocation ID, Slurm job 1 is ended: completed: Slurm job 1 is COMPLETED: its batch script ended by itself.',
    ]);
    const times = life?.events.map(({ at }) => at) ?? [];
    expect(times).toEqual(times.toSorted());
  });

  it('tells each mint of an allocation, and so does the state', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    h.slurm.start(h.theJob());
    h.github.faults.order('mint', { kind: 'before', error: gitHubFailures.rateLimited() }, 2);
    h.github.faults.order('mint', { kind: 'after', error: gitHubFailures.unavailable() });
    for (let claims = 0; claims < 3; claims += 1) await h.claim(h.theJob());
    const { runnerName } = await h.startAndClaim(h.theJob());
    const first = runnerName.replace(/2$/, '1');
    expect(h.controller.state().allocations).toMatchObject([{ runnerName, earlierRunnerNames: [first] }]);
    h.take(runnerName);
    await h.tick();
    const told = h.controller.explain(job?.id ?? 0)?.events.flatMap(({ what }) => /asks.*/.exec(what) ?? []);
    expect(told).toEqual([
      `asks GitHub for the runner ${first}: GitHub has it no more (refused 2 times)`,
      `asks GitHub for the runner ${runnerName}: GitHub has registered it`,
    ]);
  });

  it('tells every try that was made for it, and how many were made for others besides the newest', async () => {
    const h = new Harness();
    const [job, other] = h.queue(2);
    await h.tick();
    const atMs = h.clock.wallMs();
    for (const { id, labels } of [job, other].flatMap((one) => one ?? [])) {
      for (let tried = 0; tried < 42; tried += 1) {
        const allocationId = `try-${tried}-of-${id}`;
        const pool = poolOf(repository, 'slurm-small', labels).key;
        h.store.db.$client
          .prepare(
            "insert into allocations (id, scope, profile, pool, labels, state, slurm_job_name, created_at, ended_at, outcome, made_for_job_id) values (?, 'acme/app', 'slurm-small', ?, '[]', 'ended', ?, ?, ?, 'idle', ?)",
          )
          .run(allocationId, pool, allocationId, atMs + tried, atMs + tried, id);
        h.store.db.$client
          .prepare("insert into allocation_events (allocation_id, at, to_state) values (?, ?, 'ended')")
          .run(allocationId, atMs + tried);
      }
    }
    const life = h.controller.explain(job?.id ?? 0);
    const told = (id: number | undefined) =>
      life?.events.flatMap(({ what }) => new RegExp(`try-(\\d+)-of-${id} is ended`).exec(what)?.[1] ?? []);
    expect(told(job?.id)).toEqual(Array.from({ length: 42 }, (_, tried) => String(tried)));
    expect(told(other?.id)).toEqual(Array.from({ length: 20 }, (_, newest) => String(22 + newest)));
    expect(life?.earlierTries).toBe(22);
  });

  it('says why a job can not be served, or has to wait', async () => {
    const h = new Harness({ limits: { ...config.limits, maxAllocations: 1 } });
    const [first, second] = h.queue(2);
    const [twoSizes] = h.queue(1, ['slurm-small', 'slurm-large']);
    await h.tick();
    expect(h.controller.explain(first?.id ?? 0)?.now).toContain('is pending');
    expect(h.controller.explain(second?.id ?? 0)?.now).toMatch(/limits\.maxAllocations is reached: 1 /);
    expect(h.controller.explain(twoSizes?.id ?? 0)).toMatchObject({
      status: 'rejected',
      now: expect.stringContaining('2 size labels'),
    });
    expect(h.controller.explain(7)).toBeNull();
  });

  it('says that GitHub or Slurm does not answer', async () => {
    const h = new Harness();
    h.slurm.faults.order('states', { kind: 'before', error: slurmFailures.timeout() }, 2);
    const [job] = h.queue();
    await h.tick();
    expect(h.controller.explain(job?.id ?? 0)?.now).toMatch(/^Slurm: slurmrestd did not answer/);
  });

  it('tells where the time of an allocation went', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    await h.tick(10_000);
    h.slurm.start(h.theJob());
    h.clock.advance(3_000);
    const took = { elapsedMs: 3_000, preparedMs: 2_500, imageMs: 1_200, dockerMs: 700 };
    const answer = await h.claim(h.theJob(), { took });
    if (answer.status !== 200 || job === undefined) throw new Error('the claim was not granted');
    h.clock.advance(4_000);
    h.take(answer.runnerName);
    await h.tick(2_000);
    h.github.state.complete(job, 'success');
    h.slurm.end(h.theJob());
    await h.tick(60_000);
    await h.tick();
    const [row] = h.rows();
    expect(h.controller.explain(job.id)?.phases).toEqual([
      {
        allocationId: row?.id,
        slurmWaitMs: 10_000,
        prepareMs: 2_500,
        imageMs: 1_200,
        dockerMs: 700,
        claimMs: 500,
        onlineMs: 4_000,
        jobMs: (row?.endedAt ?? 0) - (row?.startedAt ?? 0),
      },
    ]);
  });

  it('tells when a runner was online that waited for its job', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    h.slurm.start(h.theJob());
    const answer = await h.claim(h.theJob(), { took: { elapsedMs: 0, preparedMs: 0 } });
    if (answer.status !== 200 || job === undefined) throw new Error('the claim was not granted');
    const runner = h.github.find(answer.runnerName);
    if (runner === undefined) throw new Error('no runner was registered');
    runner.online = true;
    const seenAt = () => h.column('select online_at from runners')[0] as number | null;
    // Claims that nothing was heard of for so long are looked at.
    for (let ticks = 0; ticks < 40 && seenAt() === null; ticks += 1) await h.tick();
    const claimedAt = h.live()[0]?.firstClaimedAt ?? 0;
    await h.tick(10_000);
    h.take(answer.runnerName);
    await h.tick();
    const [phases] = h.controller.explain(job.id)?.phases ?? [];
    expect(phases?.onlineMs).toBe((seenAt() ?? 0) - claimedAt);
    expect(phases?.onlineMs).toBeGreaterThan(0);
    expect(phases?.onlineMs).toBeLessThan((h.live()[0]?.startedAt ?? 0) - claimedAt);
  });

  it('shows what a runner printed that ended before its job, without secrets; it outlives a restart', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    const slurmJob = h.theJob();
    const { eventToken } = await h.startAndClaim(slurmJob);
    const id = h.rows()[0]?.id ?? '';
    const printed = `Cannot connect: ${eventToken}\nAuthorization: Bearer abc.def\n\u001b[31mred\u0007 line`;
    expect(h.controller.noteOutput(id, 'wrong', printed)).toBe(false);
    expect(h.controller.noteOutput('nothing', eventToken, printed)).toBe(false);
    expect(h.controller.noteOutput(id, eventToken, printed)).toBe(true);
    h.slurm.end(slurmJob, 'COMPLETED');
    await h.tick();
    h.restart();
    // As GitHub has it of a job that is queued.
    h.store.db.run('update workflow_jobs set started_at = created_at');
    const text = 'Cannot connect: ***\nAuthorization: Bearer ***\nred line';
    expect(h.controller.explain(job?.id ?? 0)?.output).toMatchObject({ allocationId: id, text });
    // The newest word counts, and its end where it is long.
    expect(h.controller.noteOutput(id, eventToken, `${'a b '.repeat(20_000)}end`)).toBe(true);
    const kept = h.controller.explain(job?.id ?? 0)?.output?.text ?? '';
    expect([kept.length, kept.slice(-3)]).toEqual([65_536, 'end']);
  });

  it('shows what a runner printed that was ended since it never came online', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    const { eventToken } = await h.startAndClaim(h.theJob());
    const id = h.rows()[0]?.id ?? '';
    await h.pass(420_000);
    expect(h.rows()[0]).toMatchObject({ state: 'ended', outcome: 'runner-never-online' });
    expect(h.controller.noteOutput(id, eventToken, 'connection refused')).toBe(true);
    const output = h.controller.explain(job?.id ?? 0)?.output;
    expect(output).toMatchObject({ allocationId: id, text: 'connection refused' });
  });

  it('keeps nothing of a runner that nobody wanted any more', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    const { eventToken } = await h.startAndClaim(h.theJob());
    const id = h.rows()[0]?.id ?? '';
    if (job !== undefined) h.github.state.cancelJob(job);
    await h.pass(120_000);
    expect(h.rows()[0]).toMatchObject({ releaseOutcome: 'surplus' });
    expect(h.controller.noteOutput(id, eventToken, 'Listening for Jobs')).toBe(true);
    expect(h.controller.explain(job?.id ?? 0)?.output).toBeNull();
  });

  it.each([
    ['was online and idle: nothing', true, null],
    ['is idle since it never came online', false, { text: 'connection refused' }],
  ] as const)('of a runner that %s', async (_what, online, kept) => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    const { eventToken, runnerName } = await h.startAndClaim(h.theJob());
    const id = h.rows()[0]?.id ?? '';
    const runner = h.github.find(runnerName);
    if (runner !== undefined) runner.online = online;
    await h.pass(170_000);
    expect(await h.controller.answerIdle(id, eventToken)).toBe('stop');
    expect(h.rows()[0]).toMatchObject({ releaseOutcome: 'idle' });
    expect(h.controller.noteOutput(id, eventToken, 'connection refused')).toBe(true);
    h.slurm.end(h.theJob(), 'COMPLETED');
    await h.tick();
    const output = h.controller.explain(job?.id ?? 0)?.output ?? null;
    if (kept === null) expect(output).toBeNull();
    else expect(output).toMatchObject(kept);
  });

  it('the token of the claim does for a node that can not run the job', async () => {
    const h = new Harness();
    const [job] = h.queue();
    await h.tick();
    const { GHA_SLURM_ALLOCATION: id = '', GHA_SLURM_CLAIM_TOKEN: token = '' } = h.theJob().environment;
    expect(h.controller.noteOutput(id, token, 'no Docker')).toBe(true);
    h.slurm.end(h.theJob(), 'FAILED');
    await h.tick();
    expect(h.controller.explain(job?.id ?? 0)?.output).toMatchObject({ allocationId: id, text: 'no Docker' });
  });
});
