// The lease of a deployed function, of a replication that can be switched.

import { systemClock, systemMonotonicMs } from '../aws/system-clock.ts';
import { otherDirection } from '../config/directions.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { TwinReader } from '../ports.ts';
import { type CopyPlace, type Lease, switchLease } from '../replicate/lease.ts';
import { logLine } from './function-output.ts';

/** How the state tables of both sides are read. */
export interface SideReaders {
  readonly source: TwinReader;
  readonly destination: TwinReader;
}

export interface FunctionLease {
  readonly lease: Lease;
  /** Of the other direction: it is beside this one's source. */
  readonly ledger: CopyPlace;
}

export function functionLease(replication: ReplicationConfig, readers: SideReaders): FunctionLease {
  const placeOf = ({ name, stateTable }: ReplicationConfig, reader: TwinReader): CopyPlace => {
    return { rules: { replication: name, stateTable }, reader };
  };
  const ledger = placeOf(otherDirection(replication), readers.source);
  const lease = switchLease({
    copies: { source: ledger, destination: placeOf(replication, readers.destination) },
    region: replication.source.region,
    clock: systemClock,
    monotonicMs: systemMonotonicMs,
    log: logLine,
  });
  return { lease, ledger };
}
