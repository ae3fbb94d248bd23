import { type Cluster, openCluster } from './cluster.ts';
import { readState } from './cluster-state.ts';

/** The cluster of that name, running or with its remains; null when there is none. */
export function findCluster(name: string): Cluster | null {
  const state = readState(name);
  return state === null ? null : openCluster(state);
}
