import { configPath, loadConfig } from '../config/load-config.ts';
import { parseDuration } from '../config/units.ts';
import { exitUsage, OperatorError } from '../domain/errors.ts';
import { checkNeighbours, instanceIn } from './check-neighbours.ts';
import { checkNodes } from './check-nodes.ts';
import { checkProfiles } from './check-profiles.ts';
import { createClients } from './create-clients.ts';
import { createLog } from './create-log.ts';

/**
 * Compares the configuration with what Slurm reports: prints a line for each profile and each override that it is used with, and one
 * for each thing that keeps its jobs from ever starting; with GitHub, whether another gha-slurm serves the same labels. Ends with 1 where
 * there is any of either that is certain.
 * @param options `node`: submits a job of each as well, and prints what its node lacks.
 * @throws OperatorError when Slurm can't be asked.
 */
export async function check(
  option: string | undefined,
  options: { readonly node: boolean; readonly wait: string },
): Promise<void> {
  const waitMs = parseDuration(options.wait);
  if (waitMs === null || waitMs <= 0)
    throw new OperatorError(
      `--wait ${options.wait} is not a duration: write one such as 90s or 5m.`,
      exitUsage,
    );
  const { config, secrets } = loadConfig(configPath(option));
  const { slurm, github } = createClients(config, secrets, createLog({ ...config, logLevel: 'error' }));
  let faulty = await checkProfiles(slurm, config, console.log);
  if (options.node) {
    const stop = stopOnSignal();
    for (const { what, fits, says } of await checkNodes(slurm, { config, secrets }, { waitMs, stop })) {
      if (!fits) faulty += 1;
      console.log(`a job of profile ${what}: ${says}`);
    }
    if (stop.aborted) throw stop.reason;
  }
  const neighbours = await checkNeighbours(github, {
    repositories: config.github.repositories,
    profiles: [...config.profiles.keys()],
    instanceId: instanceIn(config.database.path),
  });
  faulty += neighbours.faults.length;
  for (const sentence of [...neighbours.faults, ...neighbours.notes]) console.log(sentence);
  for (const warning of warningsOf(config.runner.extraLabels)) console.log(warning);
  if (faulty > 0) process.exitCode = 1;
}

/** The second signal ends the process at once. */
function stopOnSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      console.error(`gha-slurm: ${signal}: the jobs of the check are being cancelled`);
      stop.abort(new OperatorError(`The check was stopped by ${signal}: run it again.`));
    });
  return stop.signal;
}

/** What no listing can tell. */
function warningsOf(extraLabels: readonly string[]): string[] {
  return [
    ...(extraLabels.includes('self-hosted')
      ? [
          'note: a runner whose job asks for self-hosted carries that label, and any job that asks for nothing else may take it.',
        ]
      : []),
    'note: another gha-slurm for the same repositories needs profiles of other names: GitHub gives a job to any runner that has its labels. Of one that has no runner now nothing is seen.',
  ];
}
