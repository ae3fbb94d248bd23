import { newAllocationId } from '../store/random-id.ts';

/** What the service leaves to chance, handed in so that a test can repeat it. */
export interface Chance {
  /** At least 0, less than 1: for jitter. */
  fraction(): number;
  allocationId(): string;
}

export const systemChance: Chance = { fraction: Math.random, allocationId: newAllocationId };
