import { configPath, loadConfig } from '../config/load-config.ts';
import { OperatorError, SlurmError } from '../domain/errors.ts';
import { judgeProfile, type ProfileVerdict } from '../domain/judge-profile.ts';
import type { Profile } from '../domain/profile.ts';
import { extraFaults } from '../slurm/check-extra.ts';
import { createClients } from './create-clients.ts';
import { createLog } from './create-log.ts';

/**
 * Compares the configuration with what Slurm reports: prints a line for each profile, and one for each thing that keeps its jobs
 * from ever starting. Ends with 1 where there is any.
 * @throws OperatorError when Slurm can't be asked.
 */
export async function check(option: string | undefined): Promise<void> {
  const { config, secrets } = loadConfig(configPath(option));
  const { slurm } = createClients(config, secrets, createLog({ ...config, logLevel: 'error' }));
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
    'note: another gha-slurm for the same repositories needs profiles of other names: GitHub gives a job to any runner that has its labels.',
  ];
}
