/** No row makes a move that the table does not have; each begins where the one before has ended, and a state is what the last one says. */
import { type AllocationState, mayMove } from '../../src/domain/allocation-state.ts';

interface Move {
  readonly name: string;
  readonly from: AllocationState | null;
  readonly to: AllocationState;
}

interface Surroundings {
  readonly query: <Row>(sql: string, ...values: readonly unknown[]) => Row[];
}

export class Moves {
  readonly #world: Surroundings;
  /** By the name of the Slurm job, of those that are not over: where its last move has ended. */
  readonly #states = new Map<string, AllocationState>();

  constructor(world: Surroundings) {
    this.#world = world;
  }

  /** The database is another one: its rows are where they were then. */
  noteRestore(): void {
    this.#states.clear();
    for (const { name, state } of this.#rows()) this.#states.set(name, state);
  }

  /** `fresh`: what was appended since the last look, in its order. @returns what does not hold. */
  check(fresh: readonly Move[]): string[] {
    const wrong: string[] = [];
    for (const { name, from, to } of fresh) {
      const was = this.#states.get(name) ?? null;
      if (from !== was || (from === null ? to !== 'submitting' : !mayMove(from, to)))
        wrong.push(`${name} made a move from ${from} to ${to}, and was ${was ?? 'not there'}`);
      if (to === 'ended') this.#states.delete(name);
      else this.#states.set(name, to);
    }
    const rows = new Map(this.#rows().map(({ name, state }) => [name, state]));
    for (const name of new Set([...rows.keys(), ...this.#states.keys()])) {
      const [is, was] = [rows.get(name) ?? 'ended', this.#states.get(name) ?? 'ended'];
      if (is !== was) wrong.push(`${name} is ${is}, and its last move went to ${was}`);
    }
    return wrong;
  }

  #rows(): { name: string; state: AllocationState }[] {
    return this.#world.query("select slurm_job_name as name, state from allocations where state <> 'ended'");
  }
}
