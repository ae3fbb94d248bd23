/**
 * Names are the only key that both sides keep. All of them carry the instance, so that two services on one cluster
 * leave each other's jobs alone, and a random allocation id, so that a restored backup can't meet its own past.
 */
/** GitHub's limit for a runner's name. */
export const maxRunnerNameLength = 64;

export function slurmJobName(instance: string, allocationId: string): string {
  return `gha-${instance}-${allocationId}`;
}

/** `mint` counts the registrations of an allocation from 1: a name is never used twice. */
export function runnerName(prefix: string, instance: string, allocationId: string, mint: number): string {
  return `${prefix}-${instance}-${allocationId}-${mint}`;
}

/** True for every registration ever made for the allocation. */
export function runnerNameOf(prefix: string, instance: string, allocationId: string, name: string): boolean {
  const stem = runnerName(prefix, instance, allocationId, 0).slice(0, -1);
  return name.startsWith(stem) && /^\d+$/.test(name.slice(stem.length));
}

/** The instance of the gha-slurm that has registered a runner of this name; null for any other name. */
export function instanceOfRunner(name: string): string | null {
  return /-([a-z2-7]{8})-[a-z2-7]{16}-\d+$/.exec(name)?.[1] ?? null;
}

/** The longest prefix that leaves room for the rest, with up to 99 mints. */
export const maxRunnerNamePrefixLength = maxRunnerNameLength - '-12345678-1234567890123456-99'.length;
