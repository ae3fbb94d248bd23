/**
 * A process of ours that can die at any effect: a call to GitHub or Slurm, or a commit. Dead, it writes nothing, asks
 * nothing and is answered nothing; what is on disk, and what took effect elsewhere, stays.
 */
import type { Chance } from '../../src/controller/chance.ts';
import type { ControllerConfig } from '../../src/controller/context.ts';
import type { ControllerParts } from '../../src/controller/create-context.ts';
import type { GitHubPort } from '../../src/controller/ports.ts';
import type { WholeSlurm } from '../../src/controller/repair.ts';
import type { Clock } from '../../src/domain/time.ts';
import { openStore, type Store } from '../../src/store/open-store.ts';

export type Side = 'before' | 'after';

/** Decides at each point whether the process dies there. Points are named by what is done and where it is asked for. */
export interface Crashes {
  /** A point is reached. @returns its number: others may be reached before this one is over. Its name is costly: it is a stack trace. */
  reach(name: () => string): number;
  /** True when the process is to die at this point, on this side. */
  diesAt(point: number, side: Side): boolean;
  /** Told of every write, by the function of the store that makes it, and of transactions inside of others. */
  writes(name: () => string): void;
}

export const noCrashes: Crashes = { reach: () => 0, diesAt: () => false, writes: () => undefined };

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

/** Ten frames are not enough for who began a transaction. */
Error.stackTraceLimit = 25;

const never = new Promise<never>(() => undefined);

class Died extends Error {
  override readonly name = 'Died';
}

export class MortalProcess {
  /** What a part of the controller is handed, with the points at which the process may die. */
  readonly parts: ControllerParts & { readonly slurm: WholeSlurm };
  readonly #crashes: Crashes;
  readonly #died = Promise.withResolvers<void>();
  dead = false;

  constructor({ databaseFile, config, clock, chance, slurm, github, crashes, defects }: Surroundings) {
    this.#crashes = crashes;
    const store = openStore({ path: databaseFile, allowNetworkFileSystem: true });
    this.close = () => store.close();
    this.execute = (sql, ...values) => void store.db.$client.prepare(sql).run(...values);
    this.query = <Row>(sql: string, ...values: readonly unknown[]) =>
      store.db.$client.prepare<unknown[], Row>(sql).all(...values);
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

  #point<T>(name: () => string, act: () => T): T {
    const point = this.#crashes.reach(name);
    if (this.#crashes.diesAt(point, 'before')) this.die();
    if (this.dead) throw new Died(name());
    const result = act();
    if (this.#crashes.diesAt(point, 'after')) this.die();
    if (this.dead) throw new Died(name());
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
          const point = this.#crashes.reach(() => `${side}.${String(name)}`);
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
          const commits = property === 'transaction' || property === 'run';
          if (property === 'run') this.#crashes.writes(caller);
          if (commits && !inTransaction()) {
            const given =
              property === 'transaction' ? [this.#inside(args[0], inTransaction), ...args.slice(1)] : args;
            return this.#point(
              () => `commit in ${site()}`,
              () => act(given),
            );
          }
          if (property === 'transaction') {
            // A savepoint: it shares the commit, and the point, of the transaction around it.
            this.#crashes.writes(() => `commit in ${site()}`);
            return act([this.#inside(args[0], inTransaction), ...args.slice(1)]);
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

/** The file of `src` that asks for the commit. */
function site(): string {
  const [, file = 'unknown'] =
    /\/src\/((?:store|controller|server)\/[\w-]+)\.ts/.exec(new Error().stack ?? '') ?? [];
  return file;
}

/** The function of `src/store` that writes. */
function caller(): string {
  const [, name = 'unknown'] = /at (\w+) \([^)]*\/src\/store\//.exec(new Error().stack ?? '') ?? [];
  return name;
}
