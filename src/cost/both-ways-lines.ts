// What the ledgers take where both tables are written: each function looks at the other one's inserts and deletes, and
// with stamps also remembers the deletes of its own side.

import type { ReplicationConfig } from '../config/schema.ts';
import { type Line, linesOf } from './bill.ts';
import type { Facts } from './setting.ts';

type Looked = Pick<ReplicationConfig, 'tombstones' | 'twoWay' | 'source' | 'destination'>;

/** @param reads of the ledger beside the twin. @param keptGB of tombstones. */
export function insertCheckLines(
  part: string,
  { reads, keptGB }: { readonly reads: number; readonly keptGB: number },
  { replication, writes }: Pick<Facts, 'writes'> & { readonly replication: Looked },
): Line[] {
  const { source, destination, twoWay } = replication;
  const beside = (what: string) => `${what} beside the source`;
  return [
    ...linesOf(part, [['read units', reads, 'millionReadUnits', destination.region]]),
    ...(twoWay?.mode === 'stamped'
      ? linesOf(part, [
          [beside('write units'), writes.deletes, 'millionWriteUnits', source.region],
          [beside('read units'), reads, 'millionReadUnits', source.region],
          [beside('GB stored'), keptGB, 'storageGBMonth', source.region],
          [beside('GB of backup'), keptGB, 'backupGBMonth', source.region],
        ])
      : []),
  ];
}
