/**
 * Reasons for which Slurm keeps a job pending that no waiting cures: the profile is wrong, or the user is.
 * Source: https://slurm.schedmd.com/job_reason_codes.html
 */
const hopeless: ReadonlyMap<string, string> = new Map([
  // Also of a partition that is closed by AllowGroups, to jobs without an account as well.
  ['AccountNotAllowed', "the partition does not allow the job's account, or none of its user's groups"],
  ['BadConstraints', "no node fits the profile's constraint"],
  ['InvalidAccount', "the profile's account does not exist"],
  ['InvalidQOS', "the profile's qos does not exist"],
  ['JobHeldAdmin', 'an administrator holds the job, or slurm.user does not exist on the cluster'],
  ['JobHeldUser', 'the job is held'],
  ['MaxMemPerLimit', 'the profile asks for more memory than the partition or the cluster allows'],
  ['PartitionNodeLimit', 'the partition does not allow jobs of one node'],
  ['PartitionTimeLimit', "the profile's timeLimit is over the partition's limit"],
  ['QOSNotAllowed', "the partition does not allow the profile's qos"],
]);

/** What is wrong, for a reason that can never go away by itself; null for all others. */
export function hopelessReason(reason: string): string | null {
  return hopeless.get(reason) ?? null;
}
