import type { Association } from './cluster.ts';
import type { Profile } from './profile.ts';
import type { ProfileVerdict } from './profile-verdict.ts';

/** REST does not tell whether Slurm does. */
export const whereEnforced = 'Slurm refuses that where it enforces associations (AccountingStorageEnforce)';

/**
 * Whether accounting has the account and the qos of a profile for a user. Never a fault: Slurm may not look at it.
 * @param associations the user's; null where accounting can't be asked.
 */
export function judgeAccount(
  profile: Profile,
  associations: readonly Association[] | null,
  user: string,
): Pick<ProfileVerdict, 'doubts' | 'unknown'> {
  if (associations !== null) return { doubts: [...doubtsOf(profile, associations, user)], unknown: [] };
  const wanted = Object.entries({ account: profile.account, qos: profile.qos })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `the ${name} ${value}`);
  const unknown = `Not known: whether ${user} has ${wanted.join(' and ')}, since slurmrestd does not get that from slurmdbd.`;
  return { doubts: [], unknown: wanted.length === 0 ? [] : [unknown] };
}

function* doubtsOf(
  { account, qos, partition }: Profile,
  associations: readonly Association[],
  user: string,
): Generator<string> {
  const partitions = partition.split(',');
  const usable = associations.filter((each) => each.partition === '' || partitions.includes(each.partition));
  // Slurm keeps names of accounts in lower case.
  const own = usable.filter((each) =>
    account === undefined ? each.isDefault : each.account === account.toLowerCase(),
  );
  if (own.length === 0) {
    const there = [...new Set(usable.map((each) => each.account))].join(', ') || 'none';
    const what = account === undefined ? 'default account' : `account ${account}`;
    yield `Accounting has no ${what} of the user ${user} for the partition ${partition} (it has ${there}): ${whereEnforced}.`;
    return;
  }
  const allowed = [...new Set(own.flatMap((each) => each.qos))];
  const named = qos?.split(',') ?? [];
  if (named.length > 0 && !named.some((name) => allowed.includes(name)))
    yield `Accounting has no qos ${qos} of the user ${user} with the account ${own[0]?.account} (it has ${allowed.join(', ') || 'none'}): ${whereEnforced}.`;
}
