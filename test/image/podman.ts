/**
 * Containers without an engine: podman from the distribution, with its store in this project's cache folder, so that nothing
 * else on the machine is touched. Docker builds the same Dockerfile.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { debianMirror } from '../../slurm/cluster/debian-root.ts';
import { ensurePackages } from '../../slurm/cluster/ensure-packages.ts';
import { type CommandResult, runCommand } from '../../slurm/cluster/run-command.ts';

export const root = join(import.meta.dirname, '../..');
const folder = join(root, '.cache/podman');
const minutes = 60_000;

/** Global options that keep it apart, and that work inside another container. */
const apart = [
  ...['--root', join(folder, 'store'), '--runroot', join(folder, 'run'), '--tmpdir', join(folder, 'tmp')],
  ...[
    '--storage-driver',
    'overlay',
    '--cgroup-manager',
    'cgroupfs',
    '--events-backend',
    'none',
    '--runtime',
    'runc',
  ],
];

export function podman(args: readonly string[], timeoutMs = minutes): Promise<CommandResult> {
  return runCommand('podman', [...apart, ...args], { timeoutMs });
}

/** @returns stdout. @throws Error with what podman said. */
export async function podmanOk(args: readonly string[], timeoutMs?: number): Promise<string> {
  const { code, stdout, stderr } = await podman(args, timeoutMs);
  if (code !== 0) throw new Error(`podman ${args[0]} failed (${code}): ${stderr}\n${stdout}`);
  return stdout.trim();
}

/** A base like the official image of Node: Debian, this project's Node, npm. Made once. @returns its name. */
export async function localBase(): Promise<string> {
  await ensurePackages(['mmdebstrap', 'podman', 'runc']);
  const node = join(root, 'node_modules/node/bin/node');
  const stamp = createHash('sha256')
    .update(process.version)
    .update(readFileSync(import.meta.filename))
    .digest('hex');
  const name = `localhost/base:${stamp.slice(0, 12)}`;
  mkdirSync(folder, { recursive: true });
  if ((await podman(['image', 'exists', name])).code === 0) return name;
  const draft = mkdtempSync(join(folder, 'base-'));
  try {
    const local = join(draft, 'usr/local');
    mkdirSync(join(local, 'bin'), { recursive: true });
    cpSync(node, join(local, 'bin/node'), { dereference: true });
    cpSync(await npmFolder(), join(local, 'lib/node_modules/npm'), { recursive: true });
    symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
    const tar = join(draft, 'base.tar');
    const made = await runCommand(
      'mmdebstrap',
      [
        '--variant=minbase',
        '--include=ca-certificates',
        `--customize-hook=copy-in ${join(draft, 'usr')} /`,
        'trixie',
        tar,
        debianMirror(),
      ],
      { timeoutMs: 5 * minutes },
    );
    if (made.code !== 0)
      throw new Error(`mmdebstrap failed: ${made.stderr.trim().split('\n').slice(-4).join(' ')}`);
    await podmanOk(['import', '--quiet', tar, name], 5 * minutes);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return name;
}

export interface BuildOptions {
  readonly tag: string;
  readonly target?: string;
}

/** Builds from the Dockerfile. What this machine needs to reach its registry goes in as secrets, and stays out of the image. */
export async function build({ tag, target }: BuildOptions): Promise<void> {
  const base = await localBase();
  const npmrc = join(homedir(), '.npmrc');
  const authority = process.env['NODE_EXTRA_CA_CERTS'];
  await podmanOk(
    [
      ...['build', '--quiet', '--isolation', 'chroot', '--layers=false', '--build-arg', `BASE=${base}`],
      ...(existsSync(npmrc) ? ['--secret', `id=npmrc,src=${npmrc}`] : []),
      ...(authority === undefined ? [] : ['--secret', `id=ca,src=${authority}`]),
      ...(target === undefined ? [] : ['--target', target]),
      ...['--tag', tag, root],
    ],
    5 * minutes,
  );
}

/** Of the npm that runs this. */
async function npmFolder(): Promise<string> {
  const { stdout } = await runCommand('npm', ['root', '--global']);
  const found = resolve(stdout.trim(), 'npm');
  if (existsSync(join(found, 'bin/npm-cli.js'))) return found;
  const { stdout: program } = await runCommand('sh', ['-c', 'readlink -f "$(command -v npm)"']);
  return dirname(dirname(program.trim()));
}
