/**
 * A process of ours that can die at any effect: a call to GitHub or Slurm, or a commit. Dead, it writes nothing, asks
 * nothing and is answered nothing; what is on disk, and what took effect elsewhere, stays.
 */
import type { Statement } from 'better-sqlite3';
import type { Chance } from '../../src/controller/chance.ts';
import type { ControllerConfig } from '../../src/controller/context.ts';
import type { ControllerParts } from '../../src/controller/create-context.ts';
import type { GitHubPort } from '../../src/controller/ports.ts';
import type { WholeSlurm } from '../../src/controller/repair.ts';
import type { Clock } from '../../src/domain/time.ts';
import { openStore, type Store } from '../../src/store/open-store.ts';
import { fillDisk } from '../controller/fill-disk.ts';
import { isMutation } from './mutations.ts';
import { placesHere } from './places.ts';

export type Side = 'before' | 'after';

/** A call or a commit as the process comes to it. */
export interface Asked {
  /** `slurm.submit`, `github.observe`, or `commit`. */
  readonly what: string;
  /** False for a call that changes nothing. */
  readonly isEffect: boolean;
  /** Where in the source it is asked for: see places.ts. Costly: it is a stack trace. */
  readonly places: () => readonly string[];
}

/** Decides at each point whether the process dies there. */
export interface Crashes {
  /** A point is reached. @returns its number: others may be reached before this one is over. */
  reach(asked: Asked): number;
  /** Something is written in the transaction whose commit is this point. */
  write(point: number, places: () => readonly string[]): void;
  /** What would have been committed there was not: no effect. */
  rolledBack(point: number): void;
  /** True when the process is to die at this point, on this side. */
  diesAt(point: number, side: Side): boolean;
}

export const noCrashes: Crashes = {
  reach: () => 0,
  write: () => undefined,
  rolledBack: () => undefined,
  diesAt: () => false,
};

export interface Surroundings {
  readonly databaseFile: string;
  readonly config: ControllerConfig;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly slurm: WholeSlurm;
  readonly github: GitHubPort;
  readonly crashes: Crashes;
  readonly defects: string[];
}

const never = new Promise<never>(() => undefined);

class Died extends Error {
  override readonly name = 'Died';
}

export class MortalProcess {
  /** What a part of the controller is handed, with the points at which the process may die. */
  readonly parts: ControllerParts & { readonly slurm: WholeSlurm };
  readonly #crashes: Crashes;
  readonly #died = Promise.withResolvers<void>();
  /** The commit that the transaction which runs will end with. */
  #commit = 0;
  dead = false;

  constructor({ databaseFile, config, clock, chance, slurm, github, crashes, defects }: Surroundings) {
    this.#crashes = crashes;
    const store = openStore({ path: databaseFile, allowNetworkFileSystem: true });
    this.close = () => store.close();
    // Nobody else looks while this one lives, and the kernel's locks took a tenth of a schedule's time.
    store.db.$client.pragma('locking_mode = EXCLUSIVE');
    this.execute = (sql, ...values) => void store.db.$client.prepare(sql).run(...values);
    this.fillDisk = (writes) => fillDisk(store.db.$client, writes);
    // The same few questions after every step.
    const asked = new Map<string, Statement<unknown[]>>();
    this.query = <Row>(sql: string, ...values: readonly unknown[]) => {
      const statement = asked.get(sql) ?? store.db.$client.prepare<unknown[]>(sql);
      asked.set(sql, statement);
      return statement.all(...values) as Row[];
    };
    const note = (data: object, message: string): void => {
      // What the loop says of its own code: never expected, but of a dead process.
      if (!this.dead && /turn of the loop failed|effect failed/.test(message)) {
        defects.push(`${message}: ${String((data as { err?: Error }).err?.stack)}`);
      }
    };
    this.parts = {
      store: { ...store, db: this.#writes(store.db, () => store.db.$client.inTransaction) as Store['db'] },
      slurm: this.#calls(slurm, 'slurm'),
      github: this.#calls(github, 'github'),
      config,
      clock,
      chance,
      log: { debug: note, info: note, warn: note, error: note },
      count: () => undefined,
    };
  }

  /** Closes the database, as the kernel does for a dead process. */
  readonly close: () => void;
  /** Runs a statement of the test's. */
  readonly execute: (sql: string, ...values: readonly unknown[]) => void;
  /** No room for these writes, as in fill-disk.ts. */
  readonly fillDisk: (writes?: readonly string[]) => () => void;
  /** Looks at the database from outside. */
  readonly query: <Row>(sql: string, ...values: readonly unknown[]) => Row[];

  die(): void {
    if (this.dead) return;
    this.dead = true;
    this.#died.resolve();
  }

  /** What comes of the work; undefined when the process has died in it. */
  async alive<T>(work: Promise<T>): Promise<T | undefined> {
    const ended = work.catch((error: unknown) => {
      if (!this.dead) throw error;
      return undefined;
    });
    return Promise.race([ended, this.#died.promise.then(() => undefined)]);
  }

  #commitPoint<T>(act: () => T): T {
    const point = this.#crashes.reach({ what: 'commit', isEffect: true, places: placesHere });
    if (this.#crashes.diesAt(point, 'before')) this.die();
    if (this.dead) throw new Died('before a commit');
    this.#commit = point;
    let result: T;
    try {
      result = act();
    } catch (error) {
      this.#crashes.rolledBack(point);
      throw error;
    }
    if (this.#crashes.diesAt(point, 'after')) this.die();
    if (this.dead) throw new Died('after a commit');
    return result;
  }

  #calls<Port extends WholeSlurm | GitHubPort>(port: Port, side: string): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        if (name === 'pollDelayMs' || name === 'rateLimit') return value.bind(target);
        return async (...args: unknown[]): Promise<unknown> => {
          if (this.dead) return never;
          const call = String(name);
          const asked = { what: `${side}.${call}`, isEffect: isMutation(side, call), places: placesHere };
          const point = this.#crashes.reach(asked);
          if (this.#crashes.diesAt(point, 'before')) {
            this.die();
            return never;
          }
          const answer = (value as (...given: unknown[]) => Promise<unknown>).apply(target, args);
          const settled = await answer.then(
            (result) => ({ result }),
            (error: unknown) => ({ error }),
          );
          if (this.dead || this.#crashes.diesAt(point, 'after')) {
            this.die();
            return never;
          }
          if ('error' in settled) throw settled.error;
          return settled.result;
        };
      },
    });
  }

  /** The database with a point at each commit: of a transaction, or of a statement outside of one. */
  #writes(object: object, inTransaction: () => boolean): object {
    return new Proxy(object, {
      get: (target, property) => {
        const value: unknown = Reflect.get(target, property);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          if (this.dead) throw new Died('database');
          const act = (given: unknown[] = args): unknown =>
            (value as (...given: unknown[]) => unknown).apply(target, given);
          if (property === 'transaction' || property === 'run') {
            const given =
              property === 'transaction' ? [this.#inside(args[0], inTransaction), ...args.slice(1)] : args;
            if (!inTransaction()) return this.#commitPoint(() => act(given));
            // It shares the commit, and the point, of the transaction around it.
            this.#crashes.write(this.#commit, placesHere);
            return act(given);
          }
          const result = act();
          return builders.has(String(property)) ? this.#writes(result as object, inTransaction) : result;
        };
      },
    });
  }

  #inside(work: unknown, inTransaction: () => boolean): (tx: object) => unknown {
    return (tx) => (work as (tx: object) => unknown)(this.#writes(tx, inTransaction));
  }
}

/** drizzle's steps on the way to a write; reads are left as they are. */
const builders: ReadonlySet<string> = new Set([
  'insert',
  'update',
  'delete',
  'values',
  'set',
  'where',
  'onConflictDoUpdate',
  'onConflictDoNothing',
  'prepare',
]);
