import { existsSync } from 'node:fs';
import { OperatorError } from '../../src/domain/errors.ts';
import { runCommand } from './run-command.ts';

const timeLimitMs = 5 * 60_000;
const apt = (args: readonly string[]) =>
  runCommand('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], {
    timeoutMs: timeLimitMs,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });

/**
 * Installs the Debian packages whose program (of the same name) is missing on this machine.
 * @throws OperatorError with apt's last words.
 */
export async function ensurePackages(names: readonly string[]): Promise<void> {
  const missing = names.filter(
    (name) => !['/usr/bin', '/usr/sbin', '/bin'].some((dir) => existsSync(`${dir}/${name}`)),
  );
  if (missing.length === 0) return;
  const install = ['install', '-y', '-q', '--no-install-recommends', ...missing];
  let result = await apt(install);
  // A fresh machine has no package lists, or old ones.
  if (result.code !== 0 && (await apt(['update', '-q'])).code === 0) result = await apt(install);
  if (result.code !== 0) {
    const words = result.stderr.trim().split('\n').slice(-3).join(' ');
    throw new OperatorError(`apt-get can't install ${missing.join(', ')}: ${words}`);
  }
}
