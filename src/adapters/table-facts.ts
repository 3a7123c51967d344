// What DynamoDB tells of a table: its keys, stream, expiry, encryption, indexes and size.

import {
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  type KeySchemaElement,
  ResourceNotFoundException,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import type { KeyAttribute } from '../config.ts';
import type { IndexFacts, TableFacts } from '../core/table-facts.ts';
import { type ClientSettings, clientSettings } from './client-settings.ts';

const TIMEOUT_MS = 20_000;

/** @returns undefined where there is no such table. Rejects with the service's or the network's own error. */
export async function describeTable(
  settings: ClientSettings,
  table: string,
): Promise<TableFacts | undefined> {
  const client = new DynamoDBClient({ ...clientSettings(settings), maxAttempts: 3 });
  const inTime = { abortSignal: AbortSignal.timeout(TIMEOUT_MS) };
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: table }), inTime);
    const { TimeToLiveDescription: expiry } = await client.send(
      new DescribeTimeToLiveCommand({ TableName: table }),
      inTime,
    );
    const expires =
      expiry?.TimeToLiveStatus === 'ENABLED' || expiry?.TimeToLiveStatus === 'ENABLING';
    return {
      ...factsOf(Table ?? {}),
      region: settings.region,
      table,
      endpoint: settings.endpoint,
      timeToLiveAttribute: expires ? expiry.AttributeName : undefined,
    };
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  } finally {
    client.destroy();
  }
}

function factsOf(description: TableDescription): Omit<TableFacts, 'region' | 'table'> {
  const { LatestStreamArn, StreamSpecification, SSEDescription, BillingModeSummary } = description;
  const { ReadCapacityUnits = 0, WriteCapacityUnits = 0 } = description.ProvisionedThroughput ?? {};
  const onDemand = BillingModeSummary?.BillingMode === 'PAY_PER_REQUEST';
  const isOn = StreamSpecification?.StreamEnabled === true && LatestStreamArn !== undefined;
  return {
    arn: description.TableArn ?? '',
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
