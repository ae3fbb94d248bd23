import { describe, expect, it } from 'vitest';
import { mustRest, restMs } from '../../src/domain/attempts.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

describe('restMs', () => {
  it('is nothing below the cap, then doubles from ten minutes to six hours', () => {
    expect([0, 1, 4].map((failed) => restMs(failed, 5))).toEqual([0, 0, 0]);
    expect([5, 6, 7, 8, 9].map((failed) => restMs(failed, 5) / minuteMs)).toEqual([10, 20, 40, 80, 160]);
    expect([10, 11, 2_000].map((failed) => restMs(failed, 5) / hourMs)).toEqual([320 / 60, 6, 6]);
  });
});

describe('mustRest', () => {
  const lastEndedMs = 1_000_000;
  const failed = (count: number) => ({ count, lastEndedMs });

  it('does not before the cap, however late or early', () => {
    expect(mustRest(undefined, 0, 1, 0)).toBe(false);
    expect(mustRest(failed(4), 0, 5, lastEndedMs)).toBe(false);
  });

  it('does from the cap on, until the interval after the last failure is over', () => {
    expect(mustRest(failed(5), 0, 5, lastEndedMs)).toBe(true);
    expect(mustRest(failed(5), 0, 5, lastEndedMs + 10 * minuteMs - 1)).toBe(true);
    expect(mustRest(failed(5), 0, 5, lastEndedMs + 10 * minuteMs)).toBe(false);
    expect(mustRest(failed(6), 0, 5, lastEndedMs + 10 * minuteMs)).toBe(true);
  });

  it('counts what is not over as failed, and waits for its end', () => {
    expect(mustRest(failed(3), 1, 5, lastEndedMs)).toBe(false);
    expect(mustRest(failed(4), 1, 5, lastEndedMs + 24 * hourMs)).toBe(true);
    expect(mustRest(undefined, 1, 1, 0)).toBe(true);
  });
});
