/**
 * What a cluster has, in four listings. Sites keep some of them from users (`PrivateData`), and say so differently: nodes with 2002;
 * partitions with a failure that states no error, of 500 or 422 by release, and with -1 for the nodes then. So one that fails
 * is not known, and the others still are: of a Slurm that has just answered another call, and has taken its token.
 */
import type { ClusterView } from '../domain/cluster.ts';
import { SlurmError } from '../domain/errors.ts';
import type { Common } from './caller.ts';
import { calls } from './calls.ts';
import { errorFromText } from './classify-error.ts';
import { parseLicense, parseNode, parsePartition, parseReservation } from './parse-cluster.ts';

export type Listing = Common & Readonly<Record<string, unknown>>;
type Name = 'partitions' | 'nodes' | 'reservations' | 'licenses';

/**
 * @param ask for one listing each; Slurm leaves the list out where it is empty.
 * @throws SlurmError where Slurm does not answer, or gives none of the listings.
 */
export async function listCluster(ask: Readonly<Record<Name, () => Promise<Listing>>>): Promise<ClusterView> {
  const failures = new Map<string, SlurmError>();

  async function records(field: Name): Promise<readonly object[] | null> {
    try {
      const list = (await ask[field]())[field] ?? [];
      if (Array.isArray(list)) return list;
      throw errorFromText(calls.cluster.name, 200, `no list of ${field} in the answer`);
    } catch (error) {
      // Not reached, or refused for its token: that is no answer to this listing.
      if (!(error instanceof SlurmError) || error.kind === 'auth') throw error;
      if (error.kind === 'unavailable' && error.notCreated) throw error;
      failures.set(field, error);
      return null;
    }
  }

  const partitions = await records('partitions');
  const nodes = await records('nodes');
  const reservations = await records('reservations');
  const licenses = await records('licenses');
  const [failure] = failures.values();
  if (failure !== undefined && failures.size === 4) throw failure;
  return {
    partitions: partitions?.map(parsePartition) ?? null,
    nodes: nodes?.map(parseNode) ?? null,
    reservations: reservations?.map(parseReservation) ?? null,
    licenses: licenses === null ? null : new Map(licenses.map(parseLicense)),
    refusals: failures,
  };
}
