import { describe, expect, it } from 'vitest';
import { SubmitFuse } from '../../src/controller/submit-fuse.ts';

const minuteMs = 60_000;
const spare = 10;
const jobs = (count: number, firstId = 1) =>
  Array.from({ length: count }, (_, index) => ({ id: firstId + index }));

describe('SubmitFuse', () => {
  it('has room for two submits of each queued job, and a few more', () => {
    const fuse = new SubmitFuse();
    expect(fuse.room('pool', [], 0)).toBe(spare);
    expect(fuse.room('pool', jobs(7), 0)).toBe(14 + spare);
  });

  it('loses room with each submit, and gives it back a minute later', () => {
    const fuse = new SubmitFuse();
    for (let atMs = 0; atMs < spare; atMs += 1) fuse.noteSubmit('pool', { atMs, jobId: null });
    expect(fuse.room('pool', [], minuteMs - 1)).toBe(0);
    // The first one is a minute old, and no older.
    expect(fuse.room('pool', [], minuteMs)).toBe(1);
    expect(fuse.room('pool', [], minuteMs + spare)).toBe(spare);
  });

  it('is never less than empty', () => {
    const fuse = new SubmitFuse();
    for (let count = 0; count < 100; count += 1) fuse.noteSubmit('pool', { atMs: 0, jobId: 1 });
    expect(fuse.room('pool', jobs(1), 0)).toBe(0);
  });

  it('counts a job once: queued now, or only when a submit of this minute was made for it', () => {
    const fuse = new SubmitFuse();
    for (const { id } of jobs(100)) fuse.noteSubmit('pool', { atMs: 0, jobId: id });
    // All of them are queued still; then they have their runners, and another one comes.
    expect(fuse.room('pool', jobs(100), 0)).toBe(100 + spare);
    expect(fuse.room('pool', jobs(1, 101), minuteMs - 1)).toBe(102 + spare);
    expect(fuse.room('pool', [], minuteMs)).toBe(spare);
  });

  it('keeps pools apart', () => {
    const fuse = new SubmitFuse();
    for (let count = 0; count < spare; count += 1) fuse.noteSubmit('one', { atMs: 0, jobId: null });
    expect([fuse.room('one', [], 0), fuse.room('other', [], 0)]).toEqual([0, spare]);
  });
});
