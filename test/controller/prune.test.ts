/** History is deleted in small batches, and what is at work is none of it. */
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { insertEndedAllocations } from '../support/insert-ended-allocations.ts';
import { until } from '../support/until.ts';
import { Harness } from './harness.ts';

const hourMs = 3_600_000;

/** A service with so many old allocations, and one that has just ended. */
function withHistory(count: number): Harness {
  const harness = new Harness({ keepMs: hourMs });
  addHistory(harness, count);
  return harness;
}

function addHistory(harness: Harness, count: number, agoMs = 2 * hourMs): void {
  const sqlite = new Database(String(harness.column('select file from pragma_database_list')[0]));
  insertEndedAllocations(sqlite, { count, firstMs: harness.clock.wallMs() - agoMs });
  sqlite.close();
}

const count = (harness: Harness, table: string): number =>
  Number(harness.column(`select count(*) from ${table}`)[0]);

describe('history older than it is to be kept', () => {
  it('goes in batches, one a second, until there is none; then there is a rest of an hour', async () => {
    const harness = withHistory(120);
    const left: number[] = [];
    for (let second = 0; second < 20; second += 1) {
      await harness.tick(1_000);
      left.push(count(harness, 'allocations'));
    }
    expect(left).toEqual([...Array(9).fill(120), 70, 20, ...Array(9).fill(0)]);
    for (const table of ['allocation_events', 'runners', 'workflow_jobs', 'workflow_runs']) {
      expect(count(harness, table), table).toBe(0);
    }
    expect(harness.log.filter(({ message }) => message === 'old history deleted')).toEqual([
      expect.objectContaining({ data: { deleted: { allocations: 120, jobs: 120, runs: 12 } } }),
    ]);

    addHistory(harness, 1);
    await harness.tick(hourMs - 10_000);
    expect(count(harness, 'allocations')).toBe(1);
    await harness.tick(10_000);
    expect(count(harness, 'allocations')).toBe(0);
  });

  it('stays until then', async () => {
    const harness = new Harness({ keepMs: hourMs });
    addHistory(harness, 5, hourMs - 60_000);
    await harness.pass(50_000);
    expect(count(harness, 'allocations')).toBe(5);
    await harness.tick(hourMs);
    expect(count(harness, 'allocations')).toBe(0);
  });

  it('goes no faster, however often the loop turns', async () => {
    const harness = withHistory(120);
    await harness.tick(10_000);
    for (let turns = 0; turns < 10; turns += 1) await harness.tick(50);
    expect(count(harness, 'allocations')).toBe(70);
  });

  it('does not take what is younger, or at work, with it', async () => {
    const harness = withHistory(10);
    harness.queue(2);
    await harness.tick();
    const [first] = harness.slurm.live();
    if (first === undefined) throw new Error('nothing was submitted');
    const { runnerName } = await harness.startAndClaim(first);
    const job = harness.take(runnerName);
    await harness.tick();
    const before = harness.live();
    expect(before.map(({ state }) => state).sort()).toEqual(['busy', 'pending']);
    // Its job has been at work for hours.
    await harness.pass(30_000);
    await harness.tick(10 * hourMs);
    await harness.pass(30_000);
    const idsOf = (rows: readonly { id: string }[]): string[] => rows.map(({ id }) => id).sort();
    expect(idsOf(harness.rows())).toEqual(idsOf(before));
    expect(harness.column("select id from workflow_jobs where status <> 'queued'")).toEqual([job?.id]);
    expect(count(harness, 'workflow_runs')).toBe(1);

    // What is over is kept for its time from then on.
    if (job !== null) harness.github.state.complete(job, 'success');
    harness.slurm.end(first, 'COMPLETED');
    await harness.pass(10_000);
    expect(harness.live()).toHaveLength(1);
    await harness.tick(hourMs / 2);
    await harness.pass(30_000);
    expect(harness.rows()).toHaveLength(2);
    await harness.tick(hourMs);
    await harness.pass(30_000);
    expect(idsOf(harness.rows())).toEqual(idsOf(before.filter(({ state }) => state === 'pending')));
  });

  it('goes while the service runs', async () => {
    const harness = withHistory(30);
    harness.clock.advance(10_000);
    const stop = new AbortController();
    const running = harness.controller.run(stop.signal);
    await until(() => count(harness, 'allocations') === 0);
    stop.abort();
    await running;
  });
});
