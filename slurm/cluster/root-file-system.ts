/** The root file system that a release of Slurm runs in: shared by all clusters, each writes to an overlay of its own. */
import { join } from 'node:path';
import { debianRoot } from './debian-root.ts';

export const releases = ['24.11', '26.05'] as const;
export type Release = (typeof releases)[number];

export const cacheDirectory = join(import.meta.dirname, '.cache');

const pastItsDate = '--aptopt=Acquire::Check-Valid-Until "false"';
const suites: Readonly<Record<Release, { suite: string; options: readonly string[] }>> = {
  '24.11': { suite: 'trixie', options: [] },
  // A mirror's copy of a testing suite may be past its date.
  '26.05': { suite: 'forky', options: [pastItsDate] },
};

const packages: readonly string[] = [
  ...['slurmctld', 'slurmd', 'slurmrestd', 'slurm-client', 'slurm-wlm-jwt-plugin'],
  ...['ca-certificates', 'curl', 'iproute2', 'jq', 'procps'],
];

/** What nodes have whose jobs run containers: rootless Docker and Apptainer. A minute to make, so apart from the plain one. */
const containerPackages: readonly string[] = [
  ...['docker.io', 'docker-cli', 'rootlesskit', 'uidmap', 'slirp4netns', 'iptables', 'fuse-overlayfs'],
  ...['busybox-static', 'squashfs-tools', 'squashfuse'],
];
// Debian has Apptainer in no stable release.
const apptainer = { suite: 'sid', packages: ['apptainer'] } as const;

/** What keeps the records of jobs: a database and Slurm's daemon in front of it. A minute to make, too. */
const accountingPackages: readonly string[] = ['slurmdbd', 'mariadb-server'];

/** What a cluster has beside Slurm. */
export type Extra = 'containers' | 'accounting';

/**
 * Its folder, made where it is missing.
 * @param extra Docker and Apptainer, or slurmdbd with its database; null for neither.
 * @throws OperatorError with mmdebstrap's last words.
 */
export function rootFileSystem(
  release: Release,
  say: (line: string) => void,
  extra: Extra | null = null,
): Promise<string> {
  const { suite, options } = suites[release];
  const plain = { directory: cacheDirectory, name: `root-${release}`, suite, options, packages };
  const roots = {
    containers: {
      ...plain,
      name: `root-${release}-containers`,
      options: [...new Set([...options, pastItsDate])],
      packages: [...packages, ...containerPackages],
      borrowed: apptainer,
    },
    accounting: {
      ...plain,
      name: `root-${release}-accounting`,
      packages: [...packages, ...accountingPackages],
    },
  };
  return debianRoot(extra === null ? plain : roots[extra], () =>
    say(
      `making the root file system of Slurm ${release} (Debian ${suite}${extra === null ? '' : `, with ${extra}`}), once`,
    ),
  );
}
