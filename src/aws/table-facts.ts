// What DynamoDB tells of a table: its keys, stream, expiry, encryption, indexes and size.

import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  type KeySchemaElement,
  ResourceNotFoundException,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import type { KeyAttribute } from '../config/schema.ts';
import type { IndexFacts, TableFacts } from '../model/table-facts.ts';
import { FerryError } from '../errors.ts';
import { CheckedHandler } from './checked-handler.ts';
import { type ClientSettings, clientSettings, TRY_LIMITS } from './client-settings.ts';
import { sdkClient } from './sdk-client.ts';

/** Of all requests about a table, every repetition included. */
const TIMEOUT_MS = 20_000;

/**
 * @returns undefined where there is no such table.
 * @throws FerryError `table.silent` where nothing answers in time, or the service's or the network's own
 *   error.
 */
export async function describeTable(
  settings: ClientSettings,
  table: string,
  timeoutMs = TIMEOUT_MS,
): Promise<TableFacts | undefined> {
  const client = describingClient(settings);
  const abortSignal = AbortSignal.timeout(timeoutMs);
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: table }), {
      abortSignal,
    });
    return {
      ...factsOf(Table ?? {}),
      region: settings.region,
      table,
      endpoint: settings.endpoint,
      timeToLiveAttribute: await expiryOf(client, table, abortSignal),
    };
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw abortSignal.aborted ? silent(settings, { table, timeoutMs, cause: error }) : error;
  } finally {
    client.destroy();
  }
}

/**
 * @returns the ARN of a table's stream, undefined where it is off, and its key; undefined where there is no
 *   table.
 */
export async function streamOfTable(
  settings: ClientSettings,
  TableName: string,
): Promise<
  | {
      readonly arn: string | undefined;
      readonly viewType: string | undefined;
      readonly keys: TableFacts['keys'];
    }
  | undefined
> {
  const client = describingClient(settings);
  try {
    const { Table = {} } = await client.send(new DescribeTableCommand({ TableName }), {
      abortSignal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const { stream, keys } = factsOf(Table);
    return { arn: stream?.arn, viewType: stream?.viewType, keys };
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  } finally {
    client.destroy();
  }
}

/** A status must not wait for a Region that does not answer. */
const PROTECTION_TIMEOUT_MS = 5_000;

/** @throws what the service or the network throws. */
export async function isDeletionProtected(settings: ClientSettings, TableName: string) {
  const { Table } = await askAbout(settings, (client, inTime) =>
    client.send(new DescribeTableCommand({ TableName }), inTime),
  );
  return Table?.DeletionProtectionEnabled === true;
}

/**
 * @returns undefined where the endpoint has no backups, as most emulators.
 * @throws what the service or the network throws.
 */
export async function hasPointInTimeRecovery(settings: ClientSettings, TableName: string) {
  try {
    const { ContinuousBackupsDescription: found } = await askAbout(settings, (client, inTime) =>
      client.send(new DescribeContinuousBackupsCommand({ TableName }), inTime),
    );
    const { PointInTimeRecoveryStatus: status } = found?.PointInTimeRecoveryDescription ?? {};
    return status === 'ENABLED';
  } catch (error) {
    if (isUnknownOperation(error)) return undefined;
    throw error;
  }
}

async function askAbout<T>(
  settings: ClientSettings,
  ask: (client: DynamoDBClient, inTime: { readonly abortSignal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const client = describingClient(settings);
  try {
    return await ask(client, { abortSignal: AbortSignal.timeout(PROTECTION_TIMEOUT_MS) });
  } finally {
    client.destroy();
  }
}

function isUnknownOperation(error: unknown): boolean {
  return error instanceof Error && error.name === 'UnknownOperationException';
}

/** For requests about tables, not items. */
export function describingClient(settings: ClientSettings): DynamoDBClient {
  const requestHandler = new CheckedHandler(TRY_LIMITS);
  const options = { ...clientSettings(settings), maxAttempts: 3, requestHandler };
  return sdkClient(new DynamoDBClient(options), settings);
}

async function expiryOf(
  client: DynamoDBClient,
  table: string,
  abortSignal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { TimeToLiveDescription: expiry } = await client.send(
      new DescribeTimeToLiveCommand({ TableName: table }),
      { abortSignal },
    );
    const { TimeToLiveStatus: status } = expiry ?? {};
    return status === 'ENABLED' || status === 'ENABLING' ? expiry?.AttributeName : undefined;
  } catch (error) {
    // Not every emulator knows of expiry; where it does not, nothing expires.
    if (isUnknownOperation(error)) return undefined;
    throw error;
  }
}

function silent(
  { region, endpoint = 'the endpoint of the Region' }: ClientSettings,
  { table, timeoutMs, cause }: { table: string; timeoutMs: number; cause: unknown },
): FerryError {
  const seconds = timeoutMs / 1000;
  return new FerryError(
    `No answer about ${region}/${table} within ${seconds} s from ${endpoint}.`,
    {
      code: 'table.silent',
      hint: 'Check the Region, the endpoint, and the way through the network.',
      cause,
    },
  );
}

function factsOf(description: TableDescription): Omit<TableFacts, 'region' | 'table'> {
  const { LatestStreamArn, StreamSpecification, SSEDescription, BillingModeSummary } = description;
  const { ReadCapacityUnits = 0, WriteCapacityUnits = 0 } = description.ProvisionedThroughput ?? {};
  const onDemand = BillingModeSummary?.BillingMode === 'PAY_PER_REQUEST';
  const isOn = StreamSpecification?.StreamEnabled === true && LatestStreamArn !== undefined;
  return {
    arn: description.TableArn ?? '',
    id: description.TableId,
    replicaRegions: (description.Replicas ?? []).flatMap(({ RegionName }) => RegionName ?? []),
    isStronglyConsistent: description.MultiRegionConsistency === 'STRONG',
    status: description.TableStatus ?? 'UNKNOWN',
    keys: keysOf(description.KeySchema, description),
    stream: isOn
      ? { arn: LatestStreamArn, viewType: StreamSpecification.StreamViewType ?? '' }
      : undefined,
    kmsKeyArn: SSEDescription?.Status === 'ENABLED' ? SSEDescription.KMSMasterKeyArn : undefined,
    indexes: indexesOf(description),
    billing: onDemand
      ? 'on-demand'
      : { readUnits: ReadCapacityUnits, writeUnits: WriteCapacityUnits },
    items: description.ItemCount ?? 0,
    sizeBytes: description.TableSizeBytes ?? 0,
  };
}

function indexesOf(description: TableDescription): IndexFacts[] {
  const { GlobalSecondaryIndexes = [], LocalSecondaryIndexes = [] } = description;
  return [
    ...LocalSecondaryIndexes.map((index) => ({ ...index, local: true })),
    ...GlobalSecondaryIndexes.map((index) => ({ ...index, local: false })),
  ].map(({ IndexName = '', KeySchema, Projection, local }) => ({
    name: IndexName,
    keys: keysOf(KeySchema, description),
    partitionKeys: (KeySchema ?? []).filter(({ KeyType }) => KeyType === 'HASH').length,
    local,
    projection: Projection?.ProjectionType ?? 'ALL',
    included: Projection?.NonKeyAttributes ?? [],
  }));
}

/** Partition key first. */
function keysOf(
  schema: readonly KeySchemaElement[] = [],
  { AttributeDefinitions = [] }: TableDescription,
): KeyAttribute[] {
  return schema
    .toSorted((a, b) => Number(a.KeyType === 'RANGE') - Number(b.KeyType === 'RANGE'))
    .map(({ AttributeName: name = '' }) => {
      const type = AttributeDefinitions.find(({ AttributeName }) => AttributeName === name);
      return { name, type: type?.AttributeType ?? 'S' };
    });
}
