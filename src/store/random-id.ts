import { randomBytes } from 'node:crypto';

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/** Lower-case base 32: five random bits a character. */
function randomId(length: number): string {
  return Array.from(randomBytes(length), (byte) => alphabet[byte % 32]).join('');
}

/** 40 random bits tell the instances of a site apart. */
export const newInstanceId = (): string => randomId(8);

/** 80 random bits: a repeat among 10^9 allocations has a chance of about 10^-6. */
export const newAllocationId = (): string => randomId(16);
