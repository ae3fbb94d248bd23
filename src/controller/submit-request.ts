import { type Profile, withOverride } from '../domain/profile.ts';
import type { Allocation } from '../store/move-allocation.ts';
import type { ControllerConfig, Handoff } from './context.ts';
import { answeredWithinMs } from './mailbox.ts';
import { mailboxKey } from './mailbox-seal.ts';
import type { SubmitRequest } from './ports.ts';

/** What a job script is told goes through its environment; the script is the same text for every allocation of a launcher. */
export function submitRequest(
  { job, overrides }: Pick<ControllerConfig, 'job' | 'overrides'>,
  row: Pick<Allocation, 'id' | 'scope' | 'slurmJobName' | 'slurmUser'>,
  profile: Profile,
  claimToken: string,
): SubmitRequest {
  const launch = job.launches.get(profile.name) ?? job.launch;
  return {
    name: row.slurmJobName,
    user: row.slurmUser,
    profile: withOverride(profile, overrides.get(row.scope)),
    script: launch.script,
    environment: {
      ...job.environment,
      ...handoffEnvironment(job.handoff, row.slurmJobName),
      GHA_SLURM_ALLOCATION: row.id,
      GHA_SLURM_CLAIM_TOKEN: claimToken,
      GHA_SLURM_CLAIM_WAIT: String(Math.ceil(job.claimWaitMs / 1_000)),
      ...launch.environment,
    },
    workingDirectory: job.workingDirectory,
    output: job.output,
    timeLimitWarningSeconds: Math.ceil(job.timeLimitWarningMs / 1_000),
  };
}

/** The key is given to this job alone. */
const handoffEnvironment = (handoff: Handoff, slurmJobName: string): Readonly<Record<string, string>> =>
  handoff.kind === 'callback'
    ? { GHA_SLURM_URL: handoff.url }
    : {
        GHA_SLURM_MAILBOX_KEY: mailboxKey(handoff.secret, slurmJobName),
        GHA_SLURM_MAILBOX_WAIT: String(answeredWithinMs / 1_000),
      };
