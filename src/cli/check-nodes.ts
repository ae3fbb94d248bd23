import { setTimeout } from 'node:timers/promises';
import type { Config, Secrets } from '../config/load-config.ts';
import { submitRequest } from '../controller/submit-request.ts';
import { SlurmError } from '../domain/errors.ts';
import type { Profile } from '../domain/profile.ts';
import { slurmPhase } from '../domain/slurm-job-state.ts';
import type { SlurmClient } from '../slurm/create-slurm-client.ts';
import { newAllocationId } from '../store/random-id.ts';
import { controllerConfig } from './controller-config.ts';
import { launchOf } from './launches.ts';

const lookMs = 1_000;

export interface NodeVerdict {
  readonly profile: string;
  readonly fits: boolean;
  /** A sentence, with the node where it is known. */
  readonly what: string;
}

/**
 * Submits a job of each profile that does what every batch script does up to its claim, and claims nothing. Resolves when all have ended;
 * what has not started after `waitMs` is cancelled.
 */
export function checkNodes(
  slurm: SlurmClient,
  { config, secrets }: { readonly config: Config; readonly secrets: Secrets },
  waitMs: number,
): Promise<NodeVerdict[]> {
  return Promise.all(
    [...config.profiles.values()].map(async (profile) => {
      const verdict = await checkProfile(profile).catch((error: unknown) => {
        if (!(error instanceof SlurmError)) throw error;
        return { fits: false, what: error.message };
      });
      return { profile: profile.name, ...verdict };
    }),
  );

  async function checkProfile(profile: Profile): Promise<Omit<NodeVerdict, 'profile'>> {
    const { job, overrides } = controllerConfig(config, secrets);
    const id = newAllocationId();
    // Not of the form that names of allocations have: no service takes it for its own.
    const name = `gha-check-${id}`;
    const request = submitRequest(
      { job, overrides },
      { id, scope: '', slurmJobName: name, slurmUser: null },
      profile,
      'none',
    );
    const launch = launchOf(config.runner.launchers.get(profile.name) ?? config.runner.launcher, config, {
      check: true,
    });
    const environment = { ...request.environment, GHA_SLURM_CHECK: config.github.apiUrl };
    const { id: slurmJobId } = await slurm.submit({ ...request, script: launch.script, environment });
    const ref = { id: slurmJobId, name, user: null };
    try {
      const deadline = performance.now() + waitMs;
      while (performance.now() < deadline) {
        await setTimeout(lookMs);
        const states = (await slurm.states([slurmJobId])).get(slurmJobId);
        if (states !== undefined && slurmPhase(states) === 'terminal') return await verdictOf(slurmJobId);
      }
      const reason = (await slurm.job(slurmJobId))?.reason;
      const why = reason == null ? '' : `: Slurm says ${reason}`;
      return { fits: false, what: `did not end within ${Math.round(waitMs / 1_000)} s${why}` };
    } finally {
      await slurm.cancel(ref);
    }
  }

  async function verdictOf(slurmJobId: number): Promise<Omit<NodeVerdict, 'profile'>> {
    const found = await slurm.job(slurmJobId);
    const where = found?.node == null ? '' : ` on ${found.node}`;
    const [, word, text = ''] = /^(fits|lacks): (.*)$/.exec(found?.comment ?? '') ?? [];
    if (word === 'fits') return { fits: true, what: `ok${where}: ${text}` };
    if (word === 'lacks') return { fits: false, what: `lacks something${where}: ${text}` };
    const ended = `its job ended${where} with ${found?.states.join(', ') ?? 'nothing known of it'}, exit code ${found?.exitCode ?? 'unknown'}`;
    return {
      fits: false,
      what: `${ended}, and said nothing: see slurm.output, and whether scontrol is there`,
    };
  }
}
