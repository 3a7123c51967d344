// The lease of a deployed function, of a replication that can be switched.

import { systemClock, systemMonotonicMs } from '../aws/system-clock.ts';
import { otherDirection } from '../config/directions.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { Turn } from '../heartbeat/beat.ts';
import { newestEpoch } from '../model/control-row.ts';
import { namedError } from '../errors.ts';
import type { TwinReader, TwinWriter } from '../ports.ts';
import { type CopyPlace, type Lease, leasedWriter, switchLease } from '../replicate/lease.ts';
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

/**
 * Whether the heartbeat of a direction is due. None is written while a switch holds the replication, since it waits
 * until nothing comes any more.
 * @throws by the name of the failure where nothing can be read.
 */
export async function heartbeatTurn(
  lease: Lease,
  region: string,
  writer: TwinWriter,
): Promise<Turn> {
  const { copies, consent, failure } = await lease.look();
  const { own } = consent;
  if (own === undefined && failure !== undefined) throw namedError(failure.name, failure.message);
  const newest = own && newestEpoch(own);
  const isActive = newest?.region === region;
  const isSwitching = [copies.source, copies.destination].some(
    (found) => found.kind === 'row' && found.row.switch !== undefined,
  );
  const isDue = isActive && consent.kind === 'open' && !isSwitching;
  return {
    isActive,
    writer: isDue ? leasedWriter(writer, lease.permit(consent.epoch.n)) : undefined,
  };
}
