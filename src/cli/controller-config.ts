import type { Config } from '../config/load-config.ts';
import type { ControllerConfig } from '../controller/context.ts';
import { launchOf } from './launches.ts';

/** The part of the configuration that the controller needs, with what Slurm is given to start. */
export function controllerConfig(config: Config): ControllerConfig {
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
      callbackUrl: runner.callbackUrl,
      claimWaitMs: runner.claimWaitMs,
      idleTimeoutMs: runner.idleTimeoutMs,
      timeLimitWarningMs: runner.timeLimitWarningMs,
    },
    runnerNamePrefix: runner.namePrefix,
    extraLabels: runner.extraLabels,
    keepMs: config.database.keepMs,
  };
}
