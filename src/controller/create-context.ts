import { steadyClock } from '../domain/steady-clock.ts';
import type { Clock } from '../domain/time.ts';
import type { Store } from '../store/open-store.ts';
import type { Chance } from './chance.ts';
import type { Context, ControllerConfig, CounterName } from './context.ts';
import { DatabaseHealth } from './database-health.ts';
import { Effects } from './effects.ts';
import type { Log } from './log.ts';
import { Observations } from './observations.ts';
import type { GitHubPort, SlurmPort } from './ports.ts';

export interface ControllerParts {
  readonly store: Store;
  readonly slurm: SlurmPort;
  readonly github: GitHubPort;
  readonly config: ControllerConfig;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly count: (name: CounterName) => void;
}

/** What Slurm gets at once is found out as it goes (effects.ts); GitHub allows 100, shared with everything else that uses the token. */
const concurrency = { github: 10, mint: 10, mailbox: 16, accounting: 1 };
/** What every part of the controller is handed, at the start: nothing seen yet, nothing under way. */
export function createContext(parts: ControllerParts, wakeSlurm: () => void = () => undefined): Context {
  const clock = steadyClock(parts.clock);
  const database = new DatabaseHealth({ ...parts, clock });
  const failed = (error: unknown, effect: string): void => {
    if (!database.note(error)) parts.log.error({ err: error, effect }, 'effect failed');
  };
  return {
    ...parts,
    clock,
    effects: new Effects(failed, concurrency),
    database,
    seen: new Observations(),
    wakeSlurm,
  };
}
