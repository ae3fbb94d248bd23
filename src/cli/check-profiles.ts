import type { Config } from '../config/load-config.ts';
import type { Association, ClusterView } from '../domain/cluster.ts';
import { OperatorError, SlurmError } from '../domain/errors.ts';
import { judgeAccount } from '../domain/judge-account.ts';
import { judgeProfile } from '../domain/judge-profile.ts';
import { joinVerdicts, type ProfileVerdict } from '../domain/profile-verdict.ts';
import { extraFaults } from '../slurm/check-extra.ts';
import type { SlurmClient } from '../slurm/create-slurm-client.ts';
import { type ProfileUse, profileUses } from './profile-uses.ts';

/** ESLURM_ACCESS_DENIED */
const accessDenied = 2002;

/**
 * Judges each profile with each override that it is used with, by what Slurm lists to the user whose jobs they are.
 * @returns how many can never start.
 * @throws OperatorError when Slurm can't be asked as `slurm.user`.
 */
export async function checkProfiles(
  slurm: Pick<SlurmClient, 'cluster' | 'associations' | 'apiVersion'>,
  config: Pick<Config, 'github' | 'profiles' | 'slurm'>,
  say: (line: string) => void,
): Promise<number> {
  const own = await slurm.cluster(null).catch((error: unknown) => {
    if (!(error instanceof SlurmError)) throw error;
    throw new OperatorError(error.message, 1, { cause: error });
  });
  const version = await slurm.apiVersion();
  say(`Slurm answers (API ${version}): ${countOf(own)}`);
  sayRefusals(own, config.slurm.user);
  /** By user; of one whose calls Slurm does not take, what it says. */
  const views = new Map<string | null, ClusterView | SlurmError>([[null, own]]);
  const accounts = new Map<string | null, readonly Association[] | null>();
  let faulty = 0;
  for (const use of profileUses(config)) {
    const { faults, doubts, unknown, notes } = await judge(use);
    if (faults.length > 0) faulty += 1;
    const verdict =
      faults.length > 0
        ? 'can never start'
        : doubts.length > 0
          ? 'may never start'
          : unknown.length > 0
            ? 'ok, as far as is known'
            : 'ok';
    say(`profile ${use.what}: ${verdict}`);
    for (const sentence of [...faults, ...doubts, ...unknown, ...notes]) say(`  ${sentence}`);
  }
  return faulty;

  async function judge({ profile, user }: ProfileUse): Promise<ProfileVerdict> {
    const extra = profile.extra === undefined ? [] : await extraFaults(version, profile.extra);
    const faults = extra.map((fault) => `extra: ${fault} in the API ${version}.`);
    const view = await viewOf(user);
    if (view instanceof SlurmError)
      return joinVerdicts([
        { faults: [`Slurm can't be asked as the user ${user}: ${view.message}`, ...faults] },
      ]);
    const name = user ?? config.slurm.user;
    const account = judgeAccount(profile, await accountsOf(user), name);
    return joinVerdicts([judgeProfile(profile, view, name), account, { faults }]);
  }

  async function viewOf(user: string | null): Promise<ClusterView | SlurmError> {
    const seen = views.get(user);
    if (seen !== undefined) return seen;
    const view = await slurm.cluster(user).catch((error: unknown) => {
      if (error instanceof SlurmError) return error;
      throw error;
    });
    views.set(user, view);
    if (!(view instanceof SlurmError)) sayRefusals(view, user ?? config.slurm.user);
    return view;
  }

  async function accountsOf(user: string | null): Promise<readonly Association[] | null> {
    const seen = accounts.get(user);
    if (seen !== undefined) return seen;
    // Whatever slurmdbd says: Slurm starts jobs without it.
    const found = await slurm.associations(user).catch((error: unknown) => {
      if (!(error instanceof SlurmError)) throw error;
      say(`not known: accounts of ${user ?? config.slurm.user}. ${error.message}`);
      return null;
    });
    accounts.set(user, found);
    return found;
  }

  function sayRefusals({ refusals }: ClusterView, user: string): void {
    for (const [listing, { errorNumber, message }] of refusals) {
      const why =
        errorNumber === accessDenied
          ? `Slurm denies them to ${user} (PrivateData=${listing} in its configuration).`
          : `Slurm answers ${user}, and does not list them, as with PrivateData=${listing} in its configuration; where that is not set: ${message}`;
      say(`not known: ${listing}. ${why}`);
    }
  }
}

const countOf = ({ partitions, nodes }: ClusterView): string =>
  [
    partitions === null ? 'partitions not known' : `${partitions.length} partitions`,
    nodes === null ? 'nodes not known' : `${nodes.length} nodes`,
  ].join(', ');
