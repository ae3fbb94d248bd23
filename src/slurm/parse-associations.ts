import { z } from 'zod';
import type { Association } from '../domain/cluster.ts';

const associationRecord = z.object({
  account: z.string(),
  cluster: z.string().default(''),
  partition: z.string().nullish(),
  is_default: z.boolean().default(false),
  qos: z.array(z.string()).default([]),
});

/** @param cluster the only one whose associations count: one slurmdbd may serve several; null where it is not known. */
export function parseAssociations(records: readonly unknown[], cluster: string | null): Association[] {
  return records
    .map((record) => associationRecord.parse(record))
    .filter((record) => cluster === null || record.cluster === cluster)
    .map(({ account, partition, is_default, qos }) => ({
      account,
      isDefault: is_default,
      partition: partition ?? '',
      qos,
    }));
}
