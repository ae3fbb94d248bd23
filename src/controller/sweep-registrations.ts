/**
 * Registrations that carry our prefix and our instance and that no row accounts for: a mint whose answer was lost can take effect
 * after GitHub has said that there is no such runner, and a restored database does not know its own past. One listing of a
 * scope's runners at the start, again at growing intervals after a mint in doubt, and hourly besides; where it fails, at growing
 * intervals until it does not, ten minutes at most. One that has not changed costs nothing. A listing may lack what is there, so what
 * it lacks is looked up by its name. What belongs to another instance is never touched.
 */
import { findRunner, leftoverRunners, markDeregistered, openRunnerStates } from '../store/runner-rows.ts';
import type { Context } from './context.ts';
import type { RegisteredRunner } from './ports.ts';

const afterDoubtMs = [10_000, 30_000, 120_000, 600_000];
const everyMs = 3_600_000;

interface Schedule {
  /** Monotonic. */
  dueMs: number;
  /** The doubt that it answers to, and how often it has looked since. */
  doubtMs: number;
  looks: number;
  /** In a row. */
  failures: number;
}

export class RegistrationSweep {
  readonly #context: Context;
  readonly #schedules = new Map<string, Schedule>();

  constructor(context: Context) {
    this.#context = context;
  }

  sweep(): void {
    const { config, seen, clock, effects } = this.#context;
    const nowMs = clock.monotonicMs();
    for (const scope of config.repositories) {
      if (seen.isStale(scope)) continue;
      const schedule = this.#schedule(scope, nowMs);
      if (nowMs < schedule.dueMs) continue;
      schedule.dueMs = nowMs + (afterDoubtMs[schedule.looks] ?? everyMs);
      schedule.looks += 1;
      effects.run('github', `registrations:${scope}`, () => this.#look(scope, schedule));
    }
  }

  #schedule(scope: string, nowMs: number): Schedule {
    const known = this.#schedules.get(scope) ?? {
      dueMs: nowMs,
      doubtMs: Number.NEGATIVE_INFINITY,
      looks: afterDoubtMs.length,
      failures: 0,
    };
    const doubtMs = this.#context.seen.doubtfulMintMs.get(scope) ?? Number.NEGATIVE_INFINITY;
    if (doubtMs > known.doubtMs) {
      const [firstMs = 0] = afterDoubtMs;
      Object.assign(known, { doubtMs, looks: 1, dueMs: Math.min(known.dueMs, doubtMs + firstMs) });
    }
    this.#schedules.set(scope, known);
    return known;
  }

  /** After one that failed, at intervals that grow and stay at the longest: one that fails each time may have been many requests. */
  #lookSooner(schedule: Schedule): void {
    const ms = afterDoubtMs[schedule.failures] ?? afterDoubtMs.at(-1) ?? everyMs;
    schedule.failures += 1;
    // It looks again soon anyway.
    if (schedule.looks <= afterDoubtMs.length) return;
    schedule.dueMs = this.#context.clock.monotonicMs() + ms;
  }

  async #look(scope: string, schedule: Schedule): Promise<void> {
    const { store, github, config, log } = this.#context;
    const prefix = `${config.runnerNamePrefix}-${store.instanceId}-`;
    // Those that were there before the listing began: what it lacks of them may be gone.
    const leftovers = leftoverRunners(store.db, Number.MAX_SAFE_INTEGER).filter(
      (row) => row.scope === scope && row.state === 'registered',
    );
    try {
      const listed = await github.runners(scope);
      const names = new Set(listed.map(({ name }) => name));
      for (const { name } of leftovers)
        if (!names.has(name) && (await github.runner(scope, name)) === null) markDeregistered(store.db, name);
      for (const runner of listed) {
        if (runner.name.startsWith(prefix)) await this.#judge(scope, runner);
      }
      schedule.failures = 0;
    } catch (error) {
      this.#lookSooner(schedule);
      log.warn({ repo: scope, err: error }, 'registrations can not be compared yet');
    }
  }

  async #judge(scope: string, runner: RegisteredRunner): Promise<void> {
    const { store, github, log } = this.#context;
    const row = findRunner(store.db, runner.name);
    if (row !== undefined && openRunnerStates.has(row.state)) return;
    if (runner.busy) return;
    const result = await github.deregister(scope, { id: runner.id, name: runner.name });
    log.warn({ repo: scope, runnerName: runner.name, result }, 'a registration of ours that no row knows');
  }
}
