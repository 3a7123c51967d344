// One Region on this machine: an engine of its own or an endpoint that was given, and new tables in
// it that are removed at the end. Tables that exist already are never touched.

import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import type { Credentials } from '../../aws/access.ts';
import { namingFailures } from '../../aws/named-failures.ts';
import { FerryError } from '../../errors.ts';
import { type EmbeddedDynamoDb, startEmbeddedDynamoDb } from './embedded-dynamodb.ts';
import type { KeySchema } from '../run/workload.ts';

export interface LocalRegionOptions {
  readonly region: string;
  /** An endpoint to use instead of an engine of its own. */
  readonly endpoint?: string | undefined;
  /** Port for the engine; a free one if absent. */
  readonly port?: number | undefined;
  /** File of the engine that keeps the tables. @default memory. */
  readonly dbPath?: string | undefined;
  readonly credentials: Credentials;
}

/** What a record of a stream has of its item. */
export type StreamView = 'NEW_IMAGE' | 'NEW_AND_OLD_IMAGES';

export interface LocalRegion {
  readonly region: string;
  readonly endpoint: string;
  /** What serves it, for people. */
  readonly engine: string;
  /** Whether it is an engine of our own. */
  readonly embedded: boolean;
  readonly client: DynamoDBClient;
  /** @returns the ARN of the stream, where one was asked for. */
  createTable(
    table: string,
    schema: KeySchema,
    options?: { readonly stream?: StreamView | undefined },
  ): Promise<string | undefined>;
  /** Rejects when the engine ends unasked; never settles without an engine of our own. */
  readonly lost: Promise<never>;
  /** Removes the tables that were created here, and ends the engine. */
  close(): Promise<void>;
}

const EMBEDDED_ENGINE = 'dynoxide (embedded)';
const TABLE_TIMEOUT_SECONDS = 60;

export async function openLocalRegion({
  region,
  endpoint,
  port,
  dbPath,
  credentials,
}: LocalRegionOptions): Promise<LocalRegion> {
  const engine = endpoint === undefined ? await startEmbeddedDynamoDb({ port, dbPath }) : undefined;
  const url = engine?.endpoint ?? endpoint ?? '';
  const client = namingFailures(new DynamoDBClient({ region, endpoint: url, credentials }));
  const created: string[] = [];
  const lost = engineLost(engine, region);
  // Every engine ends some day; only a run that is under way minds.
  lost.catch(() => undefined);
  return {
    region,
    endpoint: url,
    engine: engine === undefined ? url : EMBEDDED_ENGINE,
    embedded: engine !== undefined,
    client,
    lost,
    async createTable(table, schema, { stream } = {}) {
      await client.send(new CreateTableCommand(tableInput(table, schema, stream)));
      created.push(table);
      await waitUntilTableExists(
        { client, maxWaitTime: TABLE_TIMEOUT_SECONDS },
        { TableName: table },
      );
      const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
      return Table?.LatestStreamArn;
    },
    async close() {
      try {
        // An engine of our own forgets its tables anyway.
        if (engine !== undefined) return;
        for (const table of created)
          await client.send(new DeleteTableCommand({ TableName: table }));
      } finally {
        client.destroy();
        await engine?.stop();
      }
    },
  };
}

function tableInput(
  table: string,
  { partitionKey, sortKey }: KeySchema,
  stream: StreamView | undefined,
): CreateTableCommandInput {
  const keys = sortKey === undefined ? [partitionKey] : [partitionKey, sortKey];
  return {
    TableName: table,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: keys.map(({ name, type }) => ({
      AttributeName: name,
      AttributeType: type,
    })),
    KeySchema: keys.map(({ name }, index) => ({
      AttributeName: name,
      KeyType: index === 0 ? 'HASH' : 'RANGE',
    })),
    ...(stream && {
      StreamSpecification: { StreamEnabled: true, StreamViewType: stream },
    }),
  };
}

async function engineLost(engine: EmbeddedDynamoDb | undefined, region: string): Promise<never> {
  if (engine === undefined) return new Promise(() => undefined);
  const { stderr } = await engine.exited;
  const lastWords = stderr.trim().split('\n').at(-1);
  throw new FerryError(`The embedded engine of ${region} has ended: ${lastWords}`, {
    code: 'local.engine.lost',
    hint: 'Run it again.',
  });
}
