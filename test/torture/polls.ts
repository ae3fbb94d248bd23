/**
 * Whole answers of GitHub that have shown a job as queued since it last had an allocation or a reason: two give it one of them. Between
 * answers of one turn nobody looks whether it has one, so they count as one.
 */
import type { SimulatedJob } from '../simulator/simulator-state.ts';

const most = 2;

export class Polls {
  #answers = new Map<number, number>();
  readonly #inThisTurn = new Set<number>();

  /** An answer that showed these jobs as queued has reached the service, which could write it down. */
  note(queued: readonly SimulatedJob[]): void {
    this.#answers = new Map(
      queued.map(({ id }) => [id, (this.#answers.get(id) ?? 0) + (this.#inThisTurn.has(id) ? 0 : 1)]),
    );
    for (const { id } of queued) this.#inThisTurn.add(id);
  }

  /** The service can't say what becomes of its jobs: what it was shown says nothing about the next turn. */
  forget(): void {
    this.#answers.clear();
    this.#inThisTurn.clear();
  }

  /**
   * After a turn. `unexplained`: those that wait, and have neither; `lost`: labels of the allocations that went in this turn, each of which
   * a job may have had when it was planned. @returns what does not hold.
   */
  check(
    waiting: readonly SimulatedJob[],
    unexplained: ReadonlySet<number>,
    lost: readonly string[],
  ): string[] {
    this.#inThisTurn.clear();
    const left = [...lost];
    return waiting.flatMap(({ id, labels: [label = ''] }) => {
      if (!unexplained.has(id)) this.#answers.delete(id);
      else if (left.includes(label)) {
        left.splice(left.indexOf(label), 1);
        this.#answers.set(id, Math.min(1, this.#answers.get(id) ?? 0));
      }
      return (this.#answers.get(id) ?? 0) < most
        ? []
        : [`job ${id} is queued, and has neither an allocation nor a reason`];
    });
  }
}
