import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TimeLimit } from '../../src/slurm/time-limit.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('aborts when the time is up, as a time-out', () => {
  const { signal } = new TimeLimit(1_000, undefined);
  vi.advanceTimersByTime(999);
  expect(signal.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(signal.reason).toMatchObject({ name: 'TimeoutError', message: 'no answer within 1000 ms' });
});

it('aborts with the other signal, for its reason, also when that came first', () => {
  const end = new AbortController();
  const { signal } = new TimeLimit(1_000, end.signal);
  end.abort(new Error('the service ends'));
  expect(signal.reason).toMatchObject({ message: 'the service ends' });
  expect(new TimeLimit(1_000, end.signal).signal.reason).toMatchObject({ message: 'the service ends' });
});

it('leaves nothing behind when the call is over', () => {
  const end = new AbortController();
  const limit = new TimeLimit(1_000, end.signal);
  limit.clear();
  expect(vi.getTimerCount()).toBe(0);
  end.abort();
  expect(limit.signal.aborted).toBe(false);
});
