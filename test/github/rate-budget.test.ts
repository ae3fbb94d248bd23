import { describe, expect, it } from 'vitest';
import { RateBudget } from '../../src/github/rate-budget.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const hourMs = 3_600_000;

function budget() {
  const clock = new VirtualClock();
  const rate = new RateBudget(clock);
  /** A poll of so many answers that cost, after which so much is left until the reset in an hour. */
  const poll = (cost: number, remaining: number, untilResetMs = hourMs) => {
    const reset = Math.round((clock.wallMs() + untilResetMs) / 1_000);
    const headers = {
      'x-ratelimit-limit': '5000',
      'x-ratelimit-remaining': String(remaining),
      'x-ratelimit-reset': String(reset),
    };
    for (let count = 0; count < cost; count += 1) rate.note(headers, true);
    rate.note(headers, false);
    rate.endPoll();
  };
  return { clock, rate, poll };
}

describe('the interval between polls', () => {
  it('is the configured one while polls cost nothing', () => {
    const { rate, poll } = budget();
    for (let count = 0; count < 20; count += 1) poll(0, 1_100);
    expect(rate.pollDelayMs(5_000)).toBe(5_000);
  });

  it('stretches so that what is left above the reserve lasts until the reset', () => {
    const { rate, poll } = budget();
    for (let count = 0; count < 60; count += 1) poll(10, 2_000);
    // 1,000 points above the fifth that is reserved, at 10 a poll: 100 polls in an hour.
    expect(rate.pollDelayMs(5_000)).toBeGreaterThan(35_900);
    expect(rate.pollDelayMs(5_000)).toBeLessThan(36_100);
  });

  it('waits for the reset when only the reserve is left: a fifth stays for mutations', () => {
    const { rate, poll } = budget();
    for (let count = 0; count < 60; count += 1) poll(10, 1_000, 600_000);
    expect(rate.pollDelayMs(5_000)).toBeGreaterThan(599_000);
    expect(rate.waitMs).toBe(0);
  });

  it('is no longer than the hour of a limit, however far the wall clock is behind', () => {
    const { clock, rate, poll } = budget();
    for (let count = 0; count < 60; count += 1) poll(10, 1_000);
    clock.setWall(clock.wallMs() - 2 * hourMs);
    expect(rate.pollDelayMs(5_000)).toBe(hourMs);
    const reset = String((clock.wallMs() + 3 * hourMs) / 1_000);
    const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset };
    expect(rate.noteRefusal(headers, 'API rate limit exceeded')).toBe(hourMs);
  });

  it('is the configured one where GitHub states no limit (GHES)', () => {
    const { rate } = budget();
    for (let count = 0; count < 100; count += 1) rate.note({}, true);
    rate.endPoll();
    expect(rate.pollDelayMs(5_000)).toBe(5_000);
    expect(rate.limit).toBeNull();
  });
});

describe('a refusal', () => {
  it('with retry-after is waited for', () => {
    const { clock, rate } = budget();
    expect(rate.noteRefusal({ 'retry-after': '17' }, 'You have exceeded a secondary rate limit')).toBe(
      17_000,
    );
    expect(rate.waitMs).toBe(17_000);
    clock.advance(17_000);
    expect(rate.waitMs).toBe(0);
  });

  it('with nothing left is waited for until the reset', () => {
    const { clock, rate } = budget();
    const reset = String(clock.wallMs() / 1_000 + 90);
    const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset };
    expect(rate.noteRefusal(headers, 'API rate limit exceeded')).toBe(90_000);
    expect(rate.pollDelayMs(5_000)).toBe(90_000);
  });

  it('of the secondary limit without a time: a minute, then twice as long, until a poll succeeds', () => {
    const { clock, rate } = budget();
    const refuse = (): number => {
      clock.advance(rate.waitMs);
      const waitMs = rate.noteRefusal({}, 'You have exceeded a secondary rate limit') ?? 0;
      // Another request of the same moment is the same refusal.
      expect(rate.noteRefusal({}, 'You have exceeded a secondary rate limit')).toBe(waitMs);
      rate.endPoll();
      return waitMs;
    };
    expect([refuse(), refuse(), refuse()]).toEqual([60_000, 120_000, 240_000]);
    for (let count = 0; count < 20; count += 1) refuse();
    expect(refuse()).toBe(900_000);
    rate.noteSuccess();
    expect(refuse()).toBe(60_000);
  });

  it('for another reason is no matter of rates', () => {
    const { rate } = budget();
    const headers = { 'x-ratelimit-remaining': '4000' };
    expect(rate.noteRefusal(headers, 'Resource not accessible by integration')).toBeNull();
    expect(rate.waitMs).toBe(0);
  });
});
