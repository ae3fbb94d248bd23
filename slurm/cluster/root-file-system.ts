/** The root file system that a release of Slurm runs in: shared by all clusters, each writes to an overlay of its own. */
import { join } from 'node:path';
import { debianRoot } from './debian-root.ts';

export const releases = ['24.11', '26.05'] as const;
export type Release = (typeof releases)[number];

export const cacheDirectory = join(import.meta.dirname, '.cache');

const suites: Readonly<Record<Release, { suite: string; options: readonly string[] }>> = {
  '24.11': { suite: 'trixie', options: [] },
  // A mirror's copy of a testing suite may be past its date.
  '26.05': { suite: 'forky', options: ['--aptopt=Acquire::Check-Valid-Until "false"'] },
};

const packages: readonly string[] = [
  ...['slurmctld', 'slurmd', 'slurmrestd', 'slurm-client', 'slurm-wlm-jwt-plugin'],
  ...['ca-certificates', 'curl', 'iproute2', 'jq', 'procps'],
];

/** Its folder, made where it is missing. @throws OperatorError with mmdebstrap's last words. */
export function rootFileSystem(release: Release, say: (line: string) => void): Promise<string> {
  const { suite, options } = suites[release];
  return debianRoot({ directory: cacheDirectory, name: `root-${release}`, suite, options, packages }, () =>
    say(`making the root file system of Slurm ${release} (Debian ${suite}), once`),
  );
}
