/**
 * Root file systems of Debian: made once by mmdebstrap from the machine's own mirror, and kept. The name carries a hash of
 * what is in it, so a changed list makes a new one; it gets its name only when it is whole.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { OperatorError } from '../../src/domain/errors.ts';
import { ensurePackages } from './ensure-packages.ts';
import { runCommand } from './run-command.ts';

export interface DebianRoot {
  /** The folder that it is kept in. */
  readonly directory: string;
  readonly name: string;
  readonly suite: string;
  /** Of mmdebstrap. */
  readonly options: readonly string[];
  readonly packages: readonly string[];
  /** Packages that `suite` does not have, and only those, from another one. */
  readonly borrowed?: { readonly suite: string; readonly packages: readonly string[] };
}

const timeLimitMs = 10 * 60_000;

/**
 * Its folder, made where it is missing. `beginning` is called before that takes its time.
 * @throws OperatorError with mmdebstrap's last words.
 */
export async function debianRoot(
  { directory, name, suite, options, packages, borrowed }: DebianRoot,
  beginning: () => void,
): Promise<string> {
  const stamp = createHash('sha256')
    .update(JSON.stringify([suite, options, packages, ...(borrowed === undefined ? [] : [borrowed])]))
    .digest('hex')
    .slice(0, 12);
  const target = join(directory, `${name}-${stamp}`);
  if (existsSync(target)) return target;
  await ensurePackages(['mmdebstrap']);
  mkdirSync(directory, { recursive: true });
  beginning();
  const draft = mkdtempSync(join(directory, 'draft-'));
  const root = join(draft, 'root');
  try {
    const args = [
      '--variant=minbase',
      `--include=${[...packages, ...(borrowed?.packages ?? [])].join(',')}`,
      ...options,
      ...(borrowed === undefined ? [] : [leaveAllElse(borrowed.suite)]),
      suite,
      root,
      ...[suite, ...(borrowed === undefined ? [] : [borrowed.suite])].map(
        (from) => `deb ${debianMirror()} ${from} main`,
      ),
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

/** A pin below that of installed packages: what the other suites have too does not come from this one. */
const leaveAllElse = (suite: string): string =>
  `--setup-hook=mkdir -p "$1/etc/apt/preferences.d"; printf 'Package: *\\nPin: release n=${suite}\\nPin-Priority: 100\\n' > "$1/etc/apt/preferences.d/borrowed"`;

/** The mirror that this machine's own apt uses, so that a site's proxy or copy is used here too. */
export function debianMirror(): string {
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
