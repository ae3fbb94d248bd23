import { configPath, loadConfig } from '../config/load-config.ts';
import { parseDuration } from '../config/units.ts';
import { exitUsage, OperatorError, SlurmError } from '../domain/errors.ts';
import { judgeProfile, type ProfileVerdict } from '../domain/judge-profile.ts';
import type { Profile } from '../domain/profile.ts';
import { extraFaults } from '../slurm/check-extra.ts';
import { checkNeighbours, instanceIn } from './check-neighbours.ts';
import { checkNodes } from './check-nodes.ts';
import { createClients } from './create-clients.ts';
import { createLog } from './create-log.ts';

/**
 * Compares the configuration with what Slurm reports: prints a line for each profile, and one for each thing that keeps its jobs
 * from ever starting; with GitHub, whether another gha-slurm serves the same labels. Ends with 1 where there is any of either.
 * @param options `node`: submits a job of each profile as well, and prints what its node lacks.
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
  const [cluster, version] = await Promise.all([slurm.cluster(), slurm.apiVersion()]).catch(
    (error: unknown) => {
      if (!(error instanceof SlurmError)) throw error;
      throw new OperatorError(error.message, 1, { cause: error });
    },
  );
  console.log(
    `Slurm answers (API ${version}): ${cluster.partitions.length} partitions, ${cluster.nodes.length} nodes`,
  );
  const profiles = [...config.profiles.values()];
  const overridden = [...config.github.overrides].flatMap(([repository, { account, qos }]) =>
    profiles.map((profile) => ({
      what: `${profile.name} for ${repository}`,
      profile: { ...profile, account: account ?? profile.account, qos: qos ?? profile.qos },
    })),
  );
  let faulty = 0;
  for (const { what, profile } of [
    ...profiles.map((each) => ({ what: each.name, profile: each })),
    ...overridden,
  ]) {
    const { faults, notes } = await judge(profile);
    if (faults.length > 0) faulty += 1;
    console.log(`profile ${what}: ${faults.length > 0 ? 'can never start' : 'ok'}`);
    for (const sentence of [...faults, ...notes]) console.log(`  ${sentence}`);
  }
  if (options.node) {
    for (const { profile, fits, what } of await checkNodes(slurm, { config, secrets }, waitMs)) {
      if (!fits) faulty += 1;
      console.log(`a job of profile ${profile}: ${what}`);
    }
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

  async function judge(profile: Profile): Promise<ProfileVerdict> {
    const verdict = judgeProfile(profile, cluster);
    const unknown = profile.extra === undefined ? [] : await extraFaults(version, profile.extra);
    return {
      ...verdict,
      faults: [...verdict.faults, ...unknown.map((fault) => `extra: ${fault} in the API ${version}.`)],
    };
  }
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
