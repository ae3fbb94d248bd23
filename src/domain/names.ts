/**
 * Names are the only key that both sides keep. All of them carry the instance, so that two services on one cluster
 * leave each other's jobs alone, and a random allocation id, so that a restored backup can't meet its own past.
 */
/** GitHub's limit for a runner's name. */
export const maxRunnerNameLength = 64;

export function slurmJobName(instance: string, allocationId: string): string {
  return `gha-${instance}-${allocationId}`;
}

/** `mint` counts the registrations of an allocation from 1. */
export function runnerName(prefix: string, instance: string, allocationId: string, mint: number): string {
  return `${prefix}-${instance}-${allocationId}-${mint}`;
}

/**
 * Registrations that GitHub can ever have had of one allocation, numbered from 1: each takes one of its claims, which a CHECK bounds,
 * and the name of one that GitHub has certainly not made is used again.
 */
export const mostMints = 3;

/** Whose registration it is, whatever the prefix; null for one that no gha-slurm has made. */
export function ownerOfRunner(
  name: string,
): { readonly instance: string; readonly allocation: string } | null {
  const [, instance, allocation] = /-([a-z2-7]{8})-([a-z2-7]{16})-\d+$/.exec(name) ?? [];
  return instance === undefined || allocation === undefined ? null : { instance, allocation };
}

/** The longest prefix that leaves room for the rest, with room for 99 mints. */
export const maxRunnerNamePrefixLength = maxRunnerNameLength - '-12345678-1234567890123456-99'.length;
