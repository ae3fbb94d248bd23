import { statfsSync } from 'node:fs';

/** `f_type` of statfs(2) for file systems whose locks or fsync can't be trusted by SQLite. */
const networkTypes = new Map<number, string>([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x517b, 'SMB'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x19830326, 'BeeGFS'],
  [0x00c36400, 'CephFS'],
  [0x5346414f, 'AFS'],
  [0x01021997, '9P'],
]);

/** The name of the network file system that a folder is on, or null. */
export function networkFileSystemOf(
  directory: string,
  statfs: (path: string) => { type: number } = statfsSync,
): string | null {
  return networkTypes.get(statfs(directory).type >>> 0) ?? null;
}
