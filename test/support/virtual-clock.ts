import type { Clock } from '../../src/domain/time.ts';

/** Both clocks stand still until a test moves them. */
export class VirtualClock implements Clock {
  #wall = Date.UTC(2026, 0, 5, 9);
  #monotonic = 1_000_000;

  wallMs(): number {
    return this.#wall;
  }

  monotonicMs(): number {
    return this.#monotonic;
  }

  advance(ms: number): void {
    this.#wall += ms;
    this.#monotonic += ms;
  }

  /** An operator or NTP sets the wall clock: durations must not notice. */
  setWall(ms: number): void {
    this.#wall = ms;
  }
}
