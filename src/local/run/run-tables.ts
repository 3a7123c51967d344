// A replication of a configuration -> the same one between the tables of a local run.

import type {
  ReplicationConfig,
  ServiceEndpoints,
  SwitchingConfig,
  TwoWayConfig,
} from '../../config/schema.ts';
import type { LocalRegion } from '../engine/local-region.ts';

interface RunTables {
  readonly replication: ReplicationConfig;
  /** Distinguishes the tables of this run from those of others at the same endpoint. */
  readonly runId: string;
  /** A table that is there already. @default one of its own */
  readonly sourceTable?: string | undefined;
}

interface RunPlaces extends Required<Pick<ServiceEndpoints, 'secretsmanager'>> {
  readonly source: Pick<LocalRegion, 'endpoint'>;
  readonly destination: Pick<LocalRegion, 'endpoint'>;
}

/**
 * The same replication between tables of this run; the source may be a given one. These have other streams than the
 * configured tables, no keys of KMS, and no accounts.
 */
export function atTables(
  { replication, runId, sourceTable }: RunTables,
  { source, destination, secretsmanager }: RunPlaces,
): ReplicationConfig {
  const { encryption: _, switching, twoWay, ...settings } = replication;
  const {
    streamArn: _streamArn,
    kmsKeyArn: _sourceKey,
    account: _sourceAccount,
    profile: _sourceProfile,
    ...configured
  } = replication.source;
  const {
    kmsKeyArn: _twinKey,
    account: _twinAccount,
    profile: _twinProfile,
    credentials: _credentials,
    ...twin
  } = replication.destination;
  return {
    ...settings,
    operatorRole: false,
    source: {
      ...configured,
      table: sourceTable ?? `ferry-local-${runId}-source`,
      endpoint: source.endpoint,
      endpoints: { secretsmanager },
    },
    destination: {
      ...twin,
      table: `ferry-local-${runId}-destination`,
      endpoint: destination.endpoint,
    },
    stateTable: `ferry-local-${runId}-state`,
    ...(switching && { switching: switchingAt(switching, runId) }),
    ...(twoWay && { twoWay: twoWayAt(twoWay, runId) }),
    // The workload stamps its writes, so that latency is exact.
    ...(sourceTable === undefined
      ? { timestampAttribute: replication.timestampAttribute ?? 'writtenAt' }
      : {}),
  };
}

/** Here, the application keeps itself from writing, and there is no third Region. */
function switchingAt({ markers }: SwitchingConfig, runId: string): SwitchingConfig {
  return {
    fence: 'application',
    markers,
    layer: 1,
    operatorRoles: [],
    stateTable: backStateTable(runId),
  };
}

function twoWayAt(
  { streamArn: _stream, credentials: _keys, endpoints: _places, ...settings }: TwoWayConfig,
  runId: string,
): TwoWayConfig {
  return { ...settings, stateTable: backStateTable(runId) };
}

const backStateTable = (runId: string) => `ferry-local-${runId}-back-state`;
