import { setTimeout } from 'node:timers/promises';
import type { Config, Secrets } from '../config/load-config.ts';
import { submitRequest } from '../controller/submit-request.ts';
import { SlurmError } from '../domain/errors.ts';
import { slurmPhase } from '../domain/slurm-job-state.ts';
import type { SlurmClient } from '../slurm/create-slurm-client.ts';
import type { SlurmJobDetail } from '../slurm/parse-job.ts';
import { newAllocationId } from '../store/random-id.ts';
import { controllerConfig } from './controller-config.ts';
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

/**
 * Submits a job of each profile, as each user and with each account that it is used with, that does what every batch script does up to its
 * claim, and claims nothing. Resolves when all have ended; what has not started after `waitMs` is cancelled.
 */
export function checkNodes(
  slurm: SlurmClient,
  { config, secrets }: { readonly config: Config; readonly secrets: Secrets },
  waitMs: number,
): Promise<NodeVerdict[]> {
  return Promise.all(
    profileUses(config).map(async (use) => {
      const verdict = await checkUse(use).catch((error: unknown) => {
        if (!(error instanceof SlurmError)) throw error;
        return { fits: false, says: error.message };
      });
      return { what: use.what, ...verdict };
    }),
  );

  async function checkUse({ profile, scope, user }: ProfileUse): Promise<Omit<NodeVerdict, 'what'>> {
    const { job, overrides } = controllerConfig(config, secrets);
    const id = newAllocationId();
    // Not of the form that names of allocations have: no service takes it for its own.
    const name = `gha-check-${id}`;
    const row = { id, scope, slurmJobName: name, slurmUser: user };
    const request = submitRequest({ job, overrides }, row, profile, 'none');
    const launch = launchOf(config.runner.launchers.get(profile.name) ?? config.runner.launcher, config, {
      check: true,
    });
    const environment = { ...request.environment, GHA_SLURM_CHECK: config.github.apiUrl };
    const { id: slurmJobId } = await slurm.submit({ ...request, script: launch.script, environment });
    const ref = { id: slurmJobId, name, user };
    try {
      const deadline = performance.now() + waitMs;
      while (performance.now() < deadline) {
        await setTimeout(lookMs);
        // As its owner: with PrivateData=jobs nobody else sees it.
        const found = await slurm.job(slurmJobId, user);
        if (found !== null && slurmPhase(found.states) === 'terminal') return verdictOf(found);
      }
      const reason = (await slurm.job(slurmJobId, user))?.reason;
      const why = reason == null ? '' : `: Slurm says ${reason}`;
      return { fits: false, says: `did not end within ${Math.round(waitMs / 1_000)} s${why}` };
    } finally {
      await slurm.cancel(ref);
    }
  }
}

function verdictOf(found: SlurmJobDetail): Omit<NodeVerdict, 'what'> {
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
