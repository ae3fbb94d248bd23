/**
 * The root file system that a release of Slurm runs in: made once by mmdebstrap from the machine's own Debian mirror, kept
 * beside this file, shared by all clusters (each writes to an overlay of its own). The name carries a hash of what is in
 * it, so a changed list makes a new one; it gets its name only when it is whole.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { OperatorError } from '../../src/domain/errors.ts';
import { ensurePackages } from './ensure-packages.ts';
import { runCommand } from './run-command.ts';

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

const timeLimitMs = 10 * 60_000;

/** The folder of the root file system, made where it is missing. @throws OperatorError with mmdebstrap's last words. */
export async function rootFileSystem(release: Release, say: (line: string) => void): Promise<string> {
  const { suite, options } = suites[release];
  const stamp = createHash('sha256')
    .update(JSON.stringify([suite, options, packages]))
    .digest('hex')
    .slice(0, 12);
  const target = join(cacheDirectory, `root-${release}-${stamp}`);
  if (existsSync(target)) return target;
  await ensurePackages(['mmdebstrap']);
  mkdirSync(cacheDirectory, { recursive: true });
  say(`making the root file system of Slurm ${release} (Debian ${suite}), once`);
  const draft = mkdtempSync(join(cacheDirectory, 'draft-'));
  const root = join(draft, 'root');
  try {
    const args = [
      '--variant=minbase',
      `--include=${packages.join(',')}`,
      ...options,
      suite,
      root,
      debianMirror(),
    ];
    const result = await runCommand('mmdebstrap', args, { timeoutMs: timeLimitMs });
    if (result.code !== 0) {
      const words = result.stderr.trim().split('\n').slice(-4).join(' ');
      throw new OperatorError(`mmdebstrap can't make Debian ${suite}: ${words}`);
    }
    // Two that started at once both build; the second one finds the name taken and uses what is there.
    if (!existsSync(target)) renameSync(root, target);
  } catch (error) {
    if (!existsSync(target)) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return target;
}

/** The mirror that this machine's own apt uses, so that a site's proxy or copy is used here too. */
function debianMirror(): string {
  const lists = '/etc/apt/sources.list.d';
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync(lists) ? readdirSync(lists).map((name) => join(lists, name)) : []),
  ];
  for (const file of files.filter((path) => existsSync(path))) {
    const uri = /^(?:URIs:|deb(?: \[[^\]]*\])?)\s+(\S+\/debian)\/?(?:\s|$)/m.exec(
      readFileSync(file, 'utf8'),
    )?.[1];
    if (uri !== undefined) return uri;
  }
  return 'http://deb.debian.org/debian';
}
