import { setTimeout } from 'node:timers/promises';
import type { Config, Secrets } from '../config/load-config.ts';
import type { SlurmJobRef } from '../controller/ports.ts';
import { submitRequest } from '../controller/submit-request.ts';
import { messageOf, OperatorError, SlurmError } from '../domain/errors.ts';
import { slurmPhase } from '../domain/slurm-job-state.ts';
import type { SlurmClient } from '../slurm/create-slurm-client.ts';
import type { SlurmJobDetail } from '../slurm/parse-job.ts';
import { newAllocationId } from '../store/random-id.ts';
import { controllerConfig } from './controller-config.ts';
import { endCheckJob } from './end-check-job.ts';
import { launchOf } from './launches.ts';
import { type ProfileUse, profileUses } from './profile-uses.ts';

const lookMs = 1_000;

export interface NodeVerdict {
  /** The profile, with the repositories whose jobs have something of their own. */
  readonly what: string;
  readonly fits: boolean;
  /** A sentence, with the node where it is known. */
  readonly says: string;
}

type Verdict = Omit<NodeVerdict, 'what'>;

const stopped: Verdict = { fits: false, says: 'was stopped before its job had ended.' };

export interface NodeCheck {
  /** What has not started and ended after so many milliseconds is cancelled. */
  readonly waitMs: number;
  /** Nothing more is submitted, and what there is is cancelled. */
  readonly stop: AbortSignal;
  /** Resolves after so many milliseconds, or when it is stopped. */
  readonly pause?: (ms: number, stop?: AbortSignal) => Promise<void>;
}

const realPause = (ms: number, stop?: AbortSignal): Promise<void> =>
  setTimeout(ms, undefined, stop === undefined ? {} : { signal: stop }).catch(() => undefined);

/**
 * Submits a job of each profile, as each user and with each account that it is used with, that does what every batch script does up to its
 * claim, and claims nothing. Settles when all have ended, and nothing of them is left, whatever became of a submit; or when a verdict says
 * what is.
 * @throws what is no SlurmError; OperatorError with its message where its job may be left.
 */
export function checkNodes(
  slurm: SlurmClient,
  { config, secrets }: { readonly config: Config; readonly secrets: Secrets },
  { waitMs, stop, pause = realPause }: NodeCheck,
): Promise<NodeVerdict[]> {
  return allOf(profileUses(config).map(async (use) => ({ what: use.what, ...(await checkUse(use)) })));

  async function checkUse({ profile, scope, user }: ProfileUse): Promise<Verdict> {
    if (stop.aborted) return stopped;
    const { job, overrides } = controllerConfig(config, secrets);
    const allocationId = newAllocationId();
    // Not of the form that names of allocations have: no service takes it for its own.
    const name = `gha-check-${allocationId}`;
    const row = { id: allocationId, scope, slurmJobName: name, slurmUser: user };
    const request = submitRequest({ job, overrides }, row, profile, 'none');
    const launch = launchOf(config.runner.launchers.get(profile.name) ?? config.runner.launcher, config, {
      check: true,
    });
    const environment = { ...request.environment, GHA_SLURM_CHECK: config.github.apiUrl };
    let id: number | null = null;
    let verdict: Verdict;
    let unexpected: { readonly error: unknown } | null = null;
    try {
      ({ id } = await slurm.submit({ ...request, script: launch.script, environment }));
      const ended = await watch({ id, name, user });
      if (ended !== null) return verdictOf(ended);
      verdict = stop.aborted ? stopped : await lateVerdict({ id, user });
    } catch (error) {
      verdict = { fits: false, says: messageOf(error) };
      if (!(error instanceof SlurmError)) unexpected = { error };
      else if (id === null && error.notCreated) return verdict;
    }
    const left = await endCheckJob(slurm, { id, name, user }, { stop, pause });
    const says = left === null ? verdict.says : `${verdict.says.replace(/\.?$/, '.')} ${left}`;
    if (unexpected === null) return left === null ? verdict : { fits: false, says };
    throw left === null ? unexpected.error : new OperatorError(says, 1, { cause: unexpected.error });
  }

  /** Null when it has not ended in time, or is not waited for any more. */
  async function watch({ id, user }: SlurmJobRef): Promise<SlurmJobDetail | null> {
    const deadline = performance.now() + waitMs;
    while (performance.now() < deadline) {
      await pause(lookMs, stop);
      if (stop.aborted) return null;
      // As its owner: with PrivateData=jobs nobody else sees it.
      const found = await slurm.job(id, user);
      if (found !== null && slurmPhase(found.states) === 'terminal') return found;
    }
    return null;
  }

  async function lateVerdict({ id, user }: Pick<SlurmJobRef, 'id' | 'user'>): Promise<Verdict> {
    const reason = (await slurm.job(id, user))?.reason;
    const why = reason == null ? '' : `: Slurm says ${reason}`;
    return { fits: false, says: `did not end within ${Math.round(waitMs / 1_000)} s${why}` };
  }
}

/** Waits for all, also when one fails: a process that ends at once leaves the Slurm jobs of the others. */
async function allOf(checks: readonly Promise<NodeVerdict>[]): Promise<NodeVerdict[]> {
  await Promise.allSettled(checks);
  return Promise.all(checks);
}

function verdictOf(found: SlurmJobDetail): Verdict {
  const where = found.node === null ? '' : ` on ${found.node}`;
  const [, word, text = ''] = /^(fits|lacks): (.*)$/.exec(found.comment ?? '') ?? [];
  if (word === 'fits') return { fits: true, says: `ok${where}: ${text}` };
  if (word === 'lacks') return { fits: false, says: `lacks something${where}: ${text}` };
  const ended = `its job ended${where} with ${found.states.join(', ')}, exit code ${found.exitCode ?? 'unknown'}`;
  return {
    fits: false,
    says: `${ended}, and said nothing: see slurm.output, and whether scontrol is there`,
  };
}
