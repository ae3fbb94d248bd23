import type { Config } from '../config/load-config.ts';
import { type Profile, withOverride } from '../domain/profile.ts';

/** A profile as the jobs of some repositories have it. */
export interface ProfileUse {
  /** The profile's name, with the repositories where they have something of their own. */
  readonly what: string;
  readonly profile: Profile;
  /** One of the repositories. */
  readonly scope: string;
  /** Whose jobs they are; null for `slurm.user`. */
  readonly user: string | null;
}

/** Each profile as it stands, where a repository has nothing of its own, and with each override. */
export function profileUses({ github, profiles }: Pick<Config, 'github' | 'profiles'>): ProfileUse[] {
  const groups = Map.groupBy(github.repositories, (repository) => {
    const { account, qos, user } = github.overrides.get(repository) ?? {};
    return JSON.stringify([account ?? null, qos ?? null, user ?? null]);
  });
  return [...groups.values()].flatMap((repositories) => {
    const [scope = ''] = repositories;
    const override = github.overrides.get(scope);
    return [...profiles.values()].map((profile) => ({
      what: override === undefined ? profile.name : `${profile.name} for ${repositories.join(', ')}`,
      profile: withOverride(profile, override),
      scope,
      user: override?.user ?? null,
    }));
  });
}
