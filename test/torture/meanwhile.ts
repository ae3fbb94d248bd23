/**
 * What happens while a call is held: the call takes its time, and the world goes on. Nothing of it waits for the call, so a hold always
 * ends; what it has begun is over before the turn of the world is.
 */
import { flush } from '../support/flush.ts';
import type { GitHubCall, SlowCalls, SlurmCall } from './faults.ts';
import type { World } from './world.ts';

/**
 * - `claims`: Slurm starts jobs, and every node does one thing, all of them at once; one that waits for an answer asks again;
 * - `queue`, `cancel`, `rerun`: users at GitHub;
 * - `turn`: the service takes another turn;
 * - `death`, `restart`: the service dies, and the call is on its way; and it starts again before that has arrived.
 */
export const happenings = ['claims', 'queue', 'cancel', 'rerun', 'turn', 'death', 'restart'] as const;
export type Happening = (typeof happenings)[number];

/** The service asks for one of these at a time: the loop that asks takes no other turn before it is answered. */
const oneAtATime: ReadonlySet<SlurmCall | GitHubCall> = new Set(['observe', 'states']);
/** Each thing that happens takes so long. */
const happeningMs = 10;

export class Meanwhile {
  readonly #world: World;
  readonly #begun: Promise<void>[] = [];
  readonly #failures: unknown[] = [];
  /** Observations that are held now. */
  #observations = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** @returns what to do while a call of that name is held, before or after it takes effect. */
  of({ call, when, meanwhile }: Omit<SlowCalls, 'times'>): () => Promise<void> {
    return () => {
      const hold = this.#hold(call, when, meanwhile);
      this.#begin(hold);
      return hold;
    };
  }

  /** Everything that was begun is over. @throws the first failure of any. */
  async end(): Promise<void> {
    while (this.#begun.length > 0) {
      await Promise.all(this.#begun.splice(0));
      // What was held goes on, and is held again, or ends.
      await flush();
    }
    const [failure] = this.#failures.splice(0);
    if (failure !== undefined) throw failure;
  }

  async #hold(
    call: SlurmCall | GitHubCall,
    when: SlowCalls['when'],
    all: readonly Happening[],
  ): Promise<void> {
    const { clock, github, service } = this.#world;
    const caller = service.process;
    const about = github.faults.calls.at(-1)?.about;
    const held = oneAtATime.has(call) ? 1 : 0;
    this.#observations += held;
    // Nothing happens within the caller's own step: it first comes to wait for the call.
    await flush();
    for (const happening of all) {
      clock.advance(happeningMs);
      await this.#happen(happening);
    }
    this.#observations -= held;
    // It takes effect now, and nobody is there who waits for it.
    if (call === 'mint' && when === 'before' && service.process !== caller)
      github.lateMints.add(String(about));
  }

  async #happen(happening: Happening): Promise<void> {
    const { cluster, hub, service } = this.#world;
    switch (happening) {
      case 'claims':
        cluster.startJobs();
        for (const step of cluster.beginNodeSteps()) this.#begin(step);
        break;
      case 'queue':
        hub.queue(1, this.#world.labels.slice(0, 1));
        break;
      case 'cancel':
        hub.cancelOldest();
        break;
      case 'rerun':
        hub.rerun();
        break;
      case 'turn':
        if (this.#observations === 0 && service.process !== null) this.#begin(service.process.tick());
        break;
      case 'death':
        service.kill();
        break;
      case 'restart':
        service.kill();
        service.start();
        break;
    }
    await flush();
  }

  #begin(work: Promise<void>): void {
    this.#begun.push(work.catch((error: unknown) => void this.#failures.push(error)));
  }
}
