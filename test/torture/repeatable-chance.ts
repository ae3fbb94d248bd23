import type { Chance } from '../../src/controller/chance.ts';

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/** The same in each life of a world, and as irregular as chance: a linear congruential generator (Numerical Recipes). */
export class RepeatableChance implements Chance {
  #state = 1;

  fraction(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#state / 2 ** 32;
  }

  allocationId(): string {
    return Array.from({ length: 16 }, () => alphabet[Math.floor(this.fraction() * 32)]).join('');
  }
}
