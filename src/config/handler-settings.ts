// What the hot path knows of its replication: the settings that writes obey, flat.

import { arrivalRules, type ArrivalRules, configuredSourceArn } from './change-source.ts';
import { lookAgainDelaySeconds } from './names.ts';
import type { Deployment, ReplicationConfig } from './schema.ts';

type WriteRules = Pick<
  ReplicationConfig,
  | 'stateTable'
  | 'reservedAttribute'
  | 'unversionedItems'
  | 'ttlDeletes'
  | 'tombstones'
  | 'systemicRejections'
  | 'deadLetters'
> &
  Pick<ReplicationConfig['function'], 'httpClient' | 'concurrency'>;

/** Where failures and deletes go: only a deployment knows. */
export interface FailurePlaces extends Omit<Deployment, 'replication' | 'streamArn'> {
  /** As the control row lists it. The first one is written for it; undefined where it is lost. */
  readonly streamArn?: string | undefined;
}

/** Everything that a write from the stream or from a dead letter depends on. */
export interface HandlerSettings extends WriteRules, FailurePlaces, ArrivalRules {
  readonly replication: string;
  readonly timestampAttribute?: string | undefined;
  readonly sourceRegion: string;
  readonly destinationRegion: string;
  readonly destinationTable: string;
  /** Canonical text of the heartbeat item's key, where latency is measured. */
  readonly heartbeatKeyText?: string | undefined;
  /** How long after its announcement a delete is looked at again, 0 to 900. */
  readonly lookAgainSeconds: number;
}

export function handlerSettings(
  replication: ReplicationConfig,
  places: FailurePlaces,
): HandlerSettings {
  const { source, destination, stateTable, reservedAttribute, unversionedItems } = replication;
  const { ttlDeletes, tombstones, systemicRejections, deadLetters, timestampAttribute } =
    replication;
  const { httpClient, concurrency, memoryMiB, timeoutSeconds } = replication.function;
  return {
    ...places,
    streamArn: configuredSourceArn(source, places.streamArn),
    ...arrivalRules(source),
    replication: replication.name,
    sourceRegion: source.region,
    destinationRegion: destination.region,
    destinationTable: destination.table,
    stateTable,
    reservedAttribute,
    unversionedItems,
    ttlDeletes,
    tombstones,
    systemicRejections,
    deadLetters,
    timestampAttribute,
    lookAgainSeconds: lookAgainDelaySeconds(timeoutSeconds),
    httpClient,
    // A TLS socket takes about a tenth of a MiB.
    concurrency: Math.min(concurrency, memoryMiB),
  };
}
