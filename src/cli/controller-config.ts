import type { Config, Secrets } from '../config/load-config.ts';
import type { ControllerConfig, Handoff } from '../controller/context.ts';
import { launchOf } from './launches.ts';

/** The part of the configuration that the controller needs, with what Slurm is given to start. */
export function controllerConfig(config: Config, secrets: Secrets): ControllerConfig {
  const { slurm, runner } = config;
  return {
    repositories: config.github.repositories,
    profiles: config.profiles,
    overrides: config.github.overrides,
    limits: config.limits,
    githubPollMs: config.github.pollIntervalMs,
    slurmPollMs: slurm.pollIntervalMs,
    job: {
      launch: launchOf(runner.launcher, config),
      launches: new Map(
        [...runner.launchers].map(([profile, launcher]) => [profile, launchOf(launcher, config)]),
      ),
      environment: slurm.environment,
      workingDirectory: slurm.workingDirectory,
      output: slurm.output,
      handoff: handoffOf(runner, secrets),
      claimWaitMs: runner.claimWaitMs,
      idleTimeoutMs: runner.idleTimeoutMs,
      timeLimitWarningMs: runner.timeLimitWarningMs,
    },
    runnerNamePrefix: runner.namePrefix,
    extraLabels: runner.extraLabels,
    keepMs: config.database.keepMs,
  };
}

function handoffOf({ callbackUrl }: Config['runner'], { mailboxSecret }: Secrets): Handoff {
  if (callbackUrl !== null) return { kind: 'callback', url: callbackUrl };
  // The schema asks for one of the two.
  if (mailboxSecret === null) throw new Error('There is no handoff.');
  return { kind: 'mailbox', secret: mailboxSecret };
}
