/**
 * What every part of the controller is handed. The store is the memory; what is in here besides is rebuilt by the first
 * observations after a start, and losing it costs a look and never an allocation.
 */

import type { Profile, ProfileOverride } from '../domain/profile.ts';
import type { SteadyClock } from '../domain/steady-clock.ts';
import type { Store } from '../store/open-store.ts';
import type { Chance } from './chance.ts';
import type { DatabaseHealth } from './database-health.ts';
import type { Effects } from './effects.ts';
import type { Log } from './log.ts';
import type { Observations } from './observations.ts';
import type { GitHubPort, SlurmPort } from './ports.ts';

/** What a Slurm job is given to start. */
export interface Launch {
  /** The text of the batch script. */
  readonly script: string;
  /** The launcher's settings. */
  readonly environment: Readonly<Record<string, string>>;
}

/** How a Slurm job asks for its runner: over HTTP, or through its own comment, sealed with a key that is made of the secret. */
export type Handoff =
  | { readonly kind: 'callback'; readonly url: string }
  | { readonly kind: 'mailbox'; readonly secret: string };

export interface ControllerConfig {
  readonly repositories: readonly string[];
  readonly profiles: ReadonlyMap<string, Profile>;
  /** By repository: what its Slurm jobs have in place of their profile's. */
  readonly overrides: ReadonlyMap<string, ProfileOverride>;
  readonly limits: {
    readonly maxAllocations: number;
    readonly maxPerRepository: number;
    readonly maxPending: number;
    /** Allocations for one workflow job that start nothing, until it rests. */
    readonly maxAttempts: number;
    readonly surplusGraceMs: number;
  };
  readonly githubPollMs: number;
  readonly slurmPollMs: number;
  readonly job: {
    readonly launch: Launch;
    /** By profile: where it has a launcher of its own. */
    readonly launches: ReadonlyMap<string, Launch>;
    readonly environment: Readonly<Record<string, string>>;
    readonly workingDirectory: string;
    readonly output: string;
    readonly handoff: Handoff;
    readonly claimWaitMs: number;
    readonly idleTimeoutMs: number;
    readonly timeLimitWarningMs: number;
  };
  readonly runnerNamePrefix: string;
  readonly extraLabels: readonly string[];
  /** What has been over for longer is deleted. */
  readonly keepMs: number;
}

export const counterNames = [
  'submits',
  'submits_refused',
  'submits_lost',
  'claims_granted',
  'claims_refused',
  'mints_failed',
  'releases',
  'fences',
  'cancels',
  'github_observations_failed',
  'slurm_observations_failed',
  'accounting_failed',
] as const;
export type CounterName = (typeof counterNames)[number];

export interface Context {
  readonly store: Store;
  readonly slurm: SlurmPort;
  readonly github: GitHubPort;
  readonly config: ControllerConfig;
  readonly clock: SteadyClock;
  readonly log: Log;
  readonly count: (name: CounterName) => void;
  readonly chance: Chance;
  readonly effects: Effects;
  readonly database: DatabaseHealth;
  readonly seen: Observations;
  /** Makes the loop look at Slurm soon, instead of at its next interval. */
  readonly wakeSlurm: () => void;
}
