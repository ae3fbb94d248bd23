import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/load-config.ts';
import type { ControllerConfig } from '../controller/context.ts';

/** The part of the configuration that the controller needs, with the batch script's text. */
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
      script: readFileSync(join(import.meta.dirname, '../../slurm/job.sh'), 'utf8'),
      environment: slurm.environment,
      workingDirectory: slurm.workingDirectory,
      output: slurm.output,
      callbackUrl: runner.callbackUrl,
      launcherCommand: runner.launcherCommand,
      claimWaitMs: runner.claimWaitMs,
      idleTimeoutMs: runner.idleTimeoutMs,
      timeLimitWarningMs: runner.timeLimitWarningMs,
    },
    runnerNamePrefix: runner.namePrefix,
    extraLabels: runner.extraLabels,
    keepMs: config.database.keepMs,
  };
}
