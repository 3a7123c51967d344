// Two Regions of a local run, with the tables of a replication in them, and those of Ferry.

import { type Credentials, fixedCredentials } from '../../aws/access.ts';
import { dynamoDbStreamReader } from '../../aws/dynamodb-streams.ts';
import { dynamoDbTwinReader, dynamoDbTwinWriter } from '../../aws/dynamodb-table.ts';
import { streamsClient } from '../../aws/stream-ranges.ts';
import { writeRules } from '../../composition/write-rules.ts';
import { otherDirection } from '../../config/directions.ts';
import { LEDGER_ATTRIBUTES } from '../../config/names.ts';
import { mayLeaveOut } from '../../config/projection-settings.ts';
import type { ReplicationConfig } from '../../config/schema.ts';
import { putControlRow } from '../../model/control-item.ts';
import { firstRow, type Identity } from '../../model/control-row.ts';
import type { Clock, Random, StreamReader } from '../../ports.ts';
import { identify } from '../../replicate/first-adoption.ts';
import type { FigureTime } from '../cloudwatch/figure-time.ts';
import {
  type LocalRegion,
  type LocalRegionOptions,
  openLocalRegion,
} from '../engine/local-region.ts';
import { type OwnTable, ownTable, requireReadable, streamOfNew } from '../engine/source-stream.ts';
import type { Cleanup } from './cleanup.ts';
import { startLocalSecrets } from './local-secrets.ts';
import { atTables } from './run-tables.ts';
import type { KeySchema } from './workload.ts';

export interface LocalWorldOptions {
  readonly replication: ReplicationConfig;
  readonly sourceEndpoint?: string | undefined;
  /** A table that is there already, at `sourceEndpoint`: it is only read. @default one of its own */
  readonly sourceTable?: string | undefined;
  readonly destinationEndpoint?: string | undefined;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
  readonly credentials: Credentials;
  /** Distinguishes the tables of this run from those of others at the same endpoint. */
  readonly runId: string;
  readonly clock: Clock;
  /** Of the figures. @default that of the clock */
  readonly time?: FigureTime | undefined;
  /** Decides which requests a fault strikes. */
  readonly random: Random;
  /** Something went wrong and is being dealt with; for people. */
  readonly onProblem: (problem: string) => void;
}

/** What one direction of a replication stands on. */
export interface LocalPlace extends OwnTable {
  /** With the tables of this run, at their endpoints. */
  readonly replication: ReplicationConfig;
  readonly source: LocalRegion;
  readonly destination: LocalRegion;
}

const STATE_SCHEMA: KeySchema = { partitionKey: { name: LEDGER_ATTRIBUTES.id, type: 'S' } };
const DEFAULT_SCHEMA: KeySchema = {
  partitionKey: { name: 'pk', type: 'S' },
  sortKey: { name: 'sk', type: 'S' },
};

/** Pushes to `cleanups` what ends each thing it starts, so that nothing is left if a later one fails. */
export async function openLocalPlace(
  options: LocalWorldOptions,
  cleanups: Cleanup[],
): Promise<LocalPlace> {
  const { source, destination } = await openRegions(options, cleanups);
  const secrets = await startLocalSecrets();
  cleanups.push(() => secrets.stop());
  const replication = atTables(options, { source, destination, secretsmanager: secrets.endpoint });
  const { schema, streamArn } = await sourceOf({ source, replication }, options);
  await destination.createTable(replication.stateTable, STATE_SCHEMA);
  return { replication, source, destination, schema, streamArn };
}

/** The same without its way back. */
export function inOneDirection(replication: ReplicationConfig): ReplicationConfig {
  const { switching: _, twoWay, ...settings } = replication;
  // The default of what has no other direction.
  return twoWay === undefined
    ? settings
    : { ...settings, direction: 'one-way', tombstones: 'checked' };
}

/** The twin of a replication in one direction. */
export async function createTwin({ replication, destination, schema }: LocalPlace): Promise<void> {
  await destination.createTable(replication.destination.table, schema);
}

/**
 * The twin of a replication with a way back, which has a stream as its source has. Where it can be switched, also both
 * copies of the control row, as `ferry adopt` writes them; otherwise each function adopts its own stream.
 * @returns the place of the way back.
 */
export async function createWayBack(place: LocalPlace, clock: Clock): Promise<LocalPlace> {
  const { replication, source, destination, schema } = place;
  const stream = 'NEW_AND_OLD_IMAGES';
  const twin = await destination.createTable(replication.destination.table, schema, { stream });
  const back = otherDirection(replication);
  await source.createTable(back.stateTable, STATE_SCHEMA);
  const streamArn = streamOfNew(twin, destination);
  const wayBack = { replication: back, source: destination, destination: source };
  const active = { region: source.region, streamArn: place.streamArn, nowMs: clock.now() };
  if (replication.switching !== undefined)
    for (const direction of [place, wayBack]) await writeFirstCopy(direction, active);
  return { ...wayBack, schema, streamArn };
}

/** Beside the destination of a direction. */
async function writeFirstCopy(
  { replication, destination: { client } }: Pick<LocalPlace, 'replication' | 'destination'>,
  active: Pick<Identity, 'region' | 'streamArn' | 'nowMs'>,
): Promise<void> {
  const rules = writeRules(replication);
  const adoption = { rules, streamArn: active.streamArn, tag: 'local' };
  const identity = await identify(adoption, dynamoDbTwinReader(client));
  const row = firstRow({ ...identity, ...active });
  await dynamoDbTwinWriter(client).write(putControlRow(row, rules));
}

/** The stream of a place, once it can be read. */
export async function openStream(
  { source: { region, endpoint }, streamArn }: LocalPlace,
  { credentials, clock }: LocalWorldOptions,
  cleanups: Cleanup[],
): Promise<StreamReader> {
  const streams = streamsClient({ region, endpoint, credentials: fixedCredentials(credentials) });
  cleanups.push(() => streams.destroy());
  const reader = dynamoDbStreamReader(streams, streamArn);
  await requireReadable(reader, { streamArn, endpoint }, clock);
  return reader;
}

/** A new table, or one that is there already. */
async function sourceOf(
  { source, replication }: Pick<LocalPlace, 'source' | 'replication'>,
  { sourceTable, credentials, ...options }: LocalWorldOptions,
): Promise<OwnTable> {
  const viewIf = (hasOldImages: boolean) => (hasOldImages ? 'NEW_AND_OLD_IMAGES' : 'NEW_IMAGE');
  if (sourceTable !== undefined) {
    // A module may leave nothing out.
    const view = viewIf(replication.projection?.keepItems !== undefined);
    return ownTable(sourceTable, source, { credentials, view });
  }
  const stream = viewIf(
    mayLeaveOut(replication) || (replication.switching ?? replication.twoWay) !== undefined,
  );
  const schema = keySchemaOf(options.replication);
  const streamArn = await source.createTable(replication.source.table, schema, { stream });
  return { schema, streamArn: streamOfNew(streamArn, source) };
}

async function openRegions(options: LocalWorldOptions, cleanups: Cleanup[]) {
  const { replication, credentials, sourceEndpoint, destinationEndpoint } = options;
  const open = async (place: Omit<LocalRegionOptions, 'credentials'>) => {
    const region = await openLocalRegion({ ...place, credentials });
    cleanups.push(() => region.close());
    return region;
  };
  const [from, to] = [replication.source.region, replication.destination.region];
  return {
    source: await open({ region: from, endpoint: sourceEndpoint, port: options.sourcePort }),
    destination: await open({
      region: to,
      endpoint: destinationEndpoint,
      port: options.destinationPort,
    }),
  };
}

function keySchemaOf({ source }: ReplicationConfig): KeySchema {
  const { partitionKey, sortKey } = source;
  return partitionKey === undefined ? DEFAULT_SCHEMA : { partitionKey, sortKey };
}
