import { existsSync, readFileSync } from 'node:fs';

/**
 * The one sentence that says what to do instead, where a real Slurm can't be started; null where it can.
 * Daemons run in a mount namespace of their own, which takes root; packages come from Debian.
 */
export function missingRequirement(): string | null {
  const otherwise = 'point slurm.url of the configuration at the slurmrestd of an existing cluster instead';
  if (process.platform !== 'linux' || !existsSync('/usr/bin/apt-get')) {
    return `A development cluster needs Debian or Ubuntu: run this in a virtual machine or a privileged container of one of them, or ${otherwise}.`;
  }
  if (process.getuid?.() !== 0) {
    return `A development cluster needs root: run the same command with sudo, or ${otherwise}.`;
  }
  if (!mayMount()) {
    return `A development cluster needs the capability SYS_ADMIN, which this container does not have: start the container with --privileged, or ${otherwise}.`;
  }
  return null;
}

function mayMount(): boolean {
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const sysAdmin = 1n << 21n;
  return (BigInt(`0x${capabilities}`) & sysAdmin) !== 0n;
}
