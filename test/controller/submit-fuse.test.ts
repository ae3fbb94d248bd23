import { describe, expect, it } from 'vitest';
import { SubmitFuse } from '../../src/controller/submit-fuse.ts';

const minuteMs = 60_000;
const spare = 10;

describe('SubmitFuse', () => {
  it('has room for two submits of each queued job, and a few more', () => {
    const fuse = new SubmitFuse();
    expect(fuse.room('pool', 0, 0)).toBe(spare);
    expect(fuse.room('pool', 7, 0)).toBe(14 + spare);
  });

  it('loses room with each submit, and gives it back a minute later', () => {
    const fuse = new SubmitFuse();
    for (let atMs = 0; atMs < spare; atMs += 1) fuse.noteSubmit('pool', atMs);
    expect(fuse.room('pool', 0, minuteMs - 1)).toBe(0);
    // The first one is a minute old, and no older.
    expect(fuse.room('pool', 0, minuteMs)).toBe(1);
    expect(fuse.room('pool', 0, minuteMs + spare)).toBe(spare);
  });

  it('is never less than empty', () => {
    const fuse = new SubmitFuse();
    for (let count = 0; count < 100; count += 1) fuse.noteSubmit('pool', 0);
    expect(fuse.room('pool', 1, 0)).toBe(0);
  });

  it('counts jobs that have come within the minute, though they wait no more', () => {
    const fuse = new SubmitFuse();
    for (let count = 0; count < 3; count += 1) fuse.noteArrival('pool', 0);
    expect(fuse.room('pool', 0, minuteMs - 1)).toBe(6 + spare);
    expect(fuse.room('pool', 0, minuteMs)).toBe(spare);
  });

  it('keeps pools apart', () => {
    const fuse = new SubmitFuse();
    for (let count = 0; count < spare; count += 1) fuse.noteSubmit('one', 0);
    expect([fuse.room('one', 0, 0), fuse.room('other', 0, 0)]).toEqual([0, spare]);
  });
});
