// Queues, buckets and tables as a teardown sees them: whether they are there, whether they are empty, and how
// they are deleted.

import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import {
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  ResourceNotFoundException,
  ScanCommand,
  UpdateTableCommand,
} from '@aws-sdk/client-dynamodb';
import {
  DeleteBucketCommand,
  HeadBucketCommand,
  paginateListBuckets,
  type S3Client,
} from '@aws-sdk/client-s3';
import {
  DeleteQueueCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { counted } from '../text/number-text.ts';
import type { Clock, LeftoverStore, Remains } from '../ports.ts';
import { type ClientSettings, clientSettings } from './client-settings.ts';
import { deleteLogGroup, hasLogGroup } from './log-group.ts';
import { sdkClient } from './sdk-client.ts';
import { s3Objects } from './s3-objects.ts';
import { queueClient, sqsMessages } from './sqs-messages.ts';

/** One kind of thing, by its name. */
interface Kind {
  find(name: string): Promise<Remains | undefined>;
  remove(name: string, remains: Remains): Promise<void>;
}

export interface LeftoverClients {
  readonly messages: SQSClient;
  /** For a client of one queue. */
  readonly queues: ClientSettings;
  readonly objects: S3Client;
  readonly tables: Readonly<Record<'source' | 'destination', DynamoDBClient>>;
  /** Undefined where there is no CloudWatch Logs. */
  readonly logs: CloudWatchLogsClient | undefined;
  readonly clock: Clock;
}

export function awsLeftovers(clients: LeftoverClients): LeftoverStore {
  const { messages, objects, tables, logs, clock } = clients;
  const kindOf = ({ kind, side }: Parameters<LeftoverStore['find']>[0]): Kind => {
    switch (kind) {
      case 'queue':
        return queues(messages, clients.queues);
      case 'bucket':
        return buckets(objects);
      case 'table':
        return tablesOf(tables[side], clock);
      case 'log group':
        return logGroups(logs);
    }
  };
  return {
    find: (leftover) => kindOf(leftover).find(leftover.name),
    remove: (leftover, remains) => kindOf(leftover).remove(leftover.name, remains),
  };
}

export function messagesClient(settings: ClientSettings): SQSClient {
  return sdkClient(new SQSClient({ ...clientSettings(settings), maxAttempts: 3 }), settings);
}

export function tablesClient(settings: ClientSettings): DynamoDBClient {
  return sdkClient(new DynamoDBClient({ ...clientSettings(settings), maxAttempts: 3 }), settings);
}

/** Names of the account's buckets in a Region that begin so. */
export async function bucketsLike(
  client: S3Client,
  region: string,
  Prefix: string,
): Promise<string[]> {
  const names: string[] = [];
  const wanted = { Prefix, BucketRegion: region };
  for await (const { Buckets = [] } of paginateListBuckets({ client }, wanted)) {
    names.push(...Buckets.flatMap(({ Name }) => Name ?? []));
  }
  return names;
}

function queues(client: SQSClient, settings: ClientSettings): Kind {
  return {
    async find(QueueName) {
      try {
        const { QueueUrl = '' } = await client.send(new GetQueueUrlCommand({ QueueName }));
        const count = await sizeOf(QueueUrl, settings);
        return {
          id: QueueUrl,
          holds: count === 0 ? undefined : `about ${counted(count, 'message')}`,
        };
      } catch (error) {
        if (error instanceof QueueDoesNotExist) return undefined;
        throw error;
      }
    },
    async remove(_, { id: QueueUrl }) {
      await client.send(new DeleteQueueCommand({ QueueUrl }));
    },
  };
}

async function sizeOf(queueUrl: string, settings: ClientSettings): Promise<number> {
  const client = queueClient({ ...settings, queueUrl });
  try {
    return await sqsMessages(client, queueUrl).size();
  } finally {
    client.destroy();
  }
}

function buckets(client: S3Client): Kind {
  return {
    async find(Bucket) {
      try {
        await client.send(new HeadBucketCommand({ Bucket }));
      } catch (error) {
        if (error instanceof Error && error.name === 'NotFound') return undefined;
        throw error;
      }
      for await (const page of s3Objects(client, Bucket).list('')) {
        if (page.length > 0)
          return { id: Bucket, holds: `${counted(page.length, 'object')} or more` };
      }
      return { id: Bucket, holds: undefined };
    },
    async remove(Bucket) {
      const store = s3Objects(client, Bucket);
      for await (const page of store.list('')) {
        for (const { key } of page) await store.delete(key);
      }
      await client.send(new DeleteBucketCommand({ Bucket }));
    },
  };
}

function tablesOf(client: DynamoDBClient, clock: Clock): Kind {
  return {
    async find(TableName) {
      const table = await describe(client, TableName);
      if (table === undefined) return undefined;
      // DynamoDB's own count is up to six hours old.
      const { Items = [] } = await client.send(
        new ScanCommand({ TableName, Limit: 1, ConsistentRead: true }),
      );
      const holds = Items.length === 0 ? undefined : `items (about ${table.ItemCount ?? 0})`;
      return { id: TableName, holds };
    },
    async remove(TableName) {
      const table = await describe(client, TableName);
      if (table?.DeletionProtectionEnabled === true) {
        await client.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false }));
        await untilActive(client, TableName, clock);
      }
      await client.send(new DeleteTableCommand({ TableName }));
    },
  };
}

async function describe(client: DynamoDBClient, TableName: string) {
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    return Table?.TableStatus === 'DELETING' ? undefined : Table;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

/** What is in one tells what was deleted, so none counts as empty. */
function logGroups(client: CloudWatchLogsClient | undefined): Kind {
  return {
    async find(name) {
      const isThere = client !== undefined && (await hasLogGroup(client, name));
      return isThere ? { id: name, holds: 'the history' } : undefined;
    },
    async remove(name) {
      if (client !== undefined) await deleteLogGroup(client, name);
    },
  };
}

const POLL_MS = 1_000;
const TRIES_MAX = 60;

/** A table that is being updated cannot be deleted: DeleteTable then says so. */
async function untilActive(client: DynamoDBClient, name: string, clock: Clock): Promise<void> {
  for (let attempt = 1; attempt <= TRIES_MAX; attempt += 1) {
    const table = await describe(client, name);
    if (table?.TableStatus !== 'UPDATING') return;
    await clock.sleep(POLL_MS);
  }
}
