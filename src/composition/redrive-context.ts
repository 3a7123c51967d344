// What a redrive of a deployed replication needs: its queues, its bucket, its tables, and the control row.

import type { Sides } from '../aws/access.ts';
import { serviceSettings } from '../aws/client-settings.ts';
import { deployedSettings } from '../aws/deployed-function.ts';
import { dynamoDbReader, readClient } from '../aws/dynamodb-reader.ts';
import { dynamoDbTwinWriter, dynamoDbTwinReader, writeClient } from '../aws/dynamodb-table.ts';
import { namingFailures } from '../aws/named-failures.ts';
import { objectClient, s3Objects } from '../aws/s3-objects.ts';
import { queueClient, sqsMessages } from '../aws/sqs-messages.ts';
import { readStreamRange, streamsClient } from '../aws/stream-ranges.ts';
import { streamOfTable } from '../aws/table-facts.ts';
import { configuredSourceArn } from '../config/change-source.ts';
import { type HandlerSettings, handlerSettings } from '../config/handler-settings.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type SignedTables, signedTables } from './signed-tables.ts';
import { type Item, keyInOrder } from '../model/attribute-value.ts';
import { newestEpoch } from '../model/control-row.ts';
import type { Projection } from '../model/projection.ts';
import { projectedItems } from '../projection/projected-table.ts';
import { ConcurrencyLimit } from '../replicate/concurrency-limit.ts';
import type { StreamRange } from '../model/failure-message.ts';
import { destinationHealth } from '../replicate/destination-health.ts';
import { FerryError } from '../errors.ts';
import type { RedriveContext } from '../redrive/redrive.ts';
import type { MessageQueue } from '../ports.ts';
import { openLettersFolder } from '../run/letters-folder.ts';
import { systemClock } from '../aws/system-clock.ts';
import type { CommandLease } from './command-lease.ts';
import { requireControl } from './control.ts';
import { openLookAgain } from './look-again.ts';
import { retriesUntil } from './pair-work.ts';
import { openTwoWay } from './redrive-two-way.ts';
import { tableMissing } from './table-check.ts';

export interface RedriveSetup {
  readonly replication: ReplicationConfig;
  readonly sides: Sides;
  readonly projection: Projection | undefined;
  /** Whether anything is going to be written. */
  readonly apply: boolean;
  /** The source is lost, and is not asked. */
  readonly withoutSource?: boolean;
  /** A folder, in the place of the queue and the bucket. */
  readonly letters?: string | undefined;
  /** Unless all are given, the deployed function is asked. */
  readonly queueUrl?: string | undefined;
  readonly bucket?: string | undefined;
  readonly lookAgainQueueUrl?: string | undefined;
  /** Ends the waiting for the control row. */
  readonly stop: AbortSignal;
  /** Only objects are redriven: there is no queue of letters, and no stream to read a range of. */
  readonly onlyObjects?: boolean | undefined;
  /** Of a replication that can be switched. */
  readonly lease?: CommandLease | undefined;
}

export interface OpenRedrive {
  readonly context: RedriveContext;
  /** The key of a record, whose map has no order, as the table's key schema orders it. */
  keyOf(key: Item): Item;
  close(): void;
}

/** @throws FerryError where the deployment, the tables or the control row do not fit. */
export async function openRedrive(setup: RedriveSetup): Promise<OpenRedrive> {
  const { replication, sides, projection, apply, withoutSource = false, lease } = setup;
  const { source, destination } = sides;
  const { streamArn, keyAttributes } = await tableOf(setup);
  const folder =
    setup.letters === undefined
      ? undefined
      : await openLettersFolder(setup.letters, replication.name, systemClock);
  const places = { ...(folder ? NO_PLACES : await failurePlaces(setup)), streamArn };
  const { twoWay } = replication;
  const rules = { ...handlerSettings(replication, places), projection, twoWay };
  const { concurrency, deadLetterQueueUrl: queueUrl } = rules;

  const writer = namingFailures(writeClient({ ...destination, concurrency }));
  const reads = {
    source: readClient(source),
    destination: readClient(destination),
  };
  const streams = streamsClient(source);
  const objects = objectClient(serviceSettings(source, 's3'));
  const messages =
    setup.onlyObjects === true || folder !== undefined
      ? undefined
      : queueClient({ ...serviceSettings(source, 'sqs'), queueUrl });
  const clients = [writer, ...Object.values(reads), streams, objects];
  const signed: Array<Pick<SignedTables, 'close'>> = [];
  const close = () => {
    for (const client of clients) client.destroy();
    for (const tables of signed) tables.close();
    messages?.destroy();
  };
  const retries = retriesUntil(setup.stop);
  const place = {
    rules,
    twinReader: dynamoDbTwinReader(writer),
    twinWriter: dynamoDbTwinWriter(writer),
    lease,
  };
  try {
    const demand = { apply, streamArn, inactive: true };
    const readControl = () => requireControl(place, demand, retries);
    const control = await readControl();
    const announcing = { replication, sides, apply, queueUrl: setup.lookAgainQueueUrl };
    const lookAgain = await openLookAgain(announcing);
    const ports = await openTables({ settings: rules, replication, sides, writer, reads }, signed);
    const bucket = folder?.objects ?? s3Objects(objects, rules.onFailureBucket);
    const both = await openTwoWay({ ...setup, settings: rules, ports, bucket, retries });
    signed.push(both);
    const queue = messages === undefined ? NO_QUEUE : sqsMessages(messages, queueUrl);
    return {
      context: {
        rules,
        control,
        readControl,
        withoutSource,
        lookAgain,
        ...ports,
        ...lease?.writing(newestEpoch(control).n, { twinWriter: ports.twinWriter }),
        source: projectedItems(ports.source, rules),
        queue: folder?.queue ?? queue,
        bucket,
        ...(lease && { strandedTo: bucket }),
        twoWay: both.twoWay,
        ...(setup.onlyObjects === true
          ? {}
          : {
              readRange: async (range: StreamRange) =>
                range.streamArn.includes(':kinesis:')
                  ? (await import('../aws/kinesis-ranges.ts')).readKinesisRange(
                      serviceSettings(source, 'kinesis'),
                      range,
                    )
                  : readStreamRange(streams, range),
            }),
        clock: retries.clock,
        random: retries.random,
        health: destinationHealth(),
        limit: new ConcurrencyLimit(rules.concurrency),
        // No Lambda ends this invocation.
        remainingMs: () => Infinity,
      },
      keyOf: (key) => {
        const ordered = keyInOrder(key, keyAttributes);
        return Object.keys(ordered).length === Object.keys(key).length ? ordered : key;
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

const NO_PLACES = { deadLetterQueueUrl: '', onFailureBucket: '' };

export const NO_QUEUE: MessageQueue = {
  receive: async () => [],
  delete: async () => undefined,
  release: async () => undefined,
  size: async () => 0,
};

interface OpenTables {
  readonly settings: HandlerSettings;
  readonly replication: ReplicationConfig;
  readonly sides: Sides;
  readonly writer: DynamoDBClient;
  readonly reads: { readonly source: DynamoDBClient; readonly destination: DynamoDBClient };
}

/** Carried as the function carries its writes. */
async function openTables(
  { settings, replication, sides, writer, reads }: OpenTables,
  signed: Array<Pick<SignedTables, 'close'>>,
): Promise<Pick<RedriveContext, 'twinWriter' | 'source' | 'twin' | 'ledger'>> {
  const { source, destination, stateTable } = replication;
  const { concurrency, httpClient } = settings;
  if (httpClient === 'sdk') {
    const table = (client: DynamoDBClient, name: string) =>
      dynamoDbReader(client, { table: name, keyAttributes: [] });
    return {
      twinWriter: dynamoDbTwinWriter(writer),
      source: table(reads.source, source.table),
      twin: table(reads.destination, destination.table),
      ledger: table(reads.destination, stateTable),
    };
  }
  const there = await signedTables({
    ...sides.destination,
    client: reads.destination,
    concurrency,
  });
  const here = await signedTables({ ...sides.source, client: reads.source, concurrency });
  signed.push(there, here);
  return {
    twinWriter: there.twinWriter,
    source: here.items(source.table),
    twin: there.items(destination.table),
    ledger: there.items(stateTable),
  };
}

/** The source, or its twin where the source is lost: both have the same key. */
async function tableOf({ replication, sides, withoutSource }: RedriveSetup) {
  const { source } = replication;
  const side = withoutSource === true ? 'destination' : 'source';
  const found = await streamOfTable(sides[side], replication[side].table);
  const keyAttributes = (found?.keys ?? []).map(({ name }) => name);
  if (withoutSource === true) return { streamArn: undefined, keyAttributes };
  if (found === undefined) throw tableMissing({ ...source, role: 'source' });
  const streamArn = configuredSourceArn(source, found.arn);
  if (streamArn !== undefined) return { streamArn, keyAttributes };
  throw new FerryError(`The source table ${source.table} in ${source.region} has no stream.`, {
    code: 'tables.unfit',
    hint: 'Turn its stream on, with new images. If the Region of the source is lost, use --without-source.',
  });
}

async function failurePlaces({ replication, sides, bucket, onlyObjects, ...setup }: RedriveSetup) {
  const queueUrl = onlyObjects === true ? '' : setup.queueUrl;
  if (queueUrl !== undefined && bucket !== undefined)
    return { deadLetterQueueUrl: queueUrl, onFailureBucket: bucket };
  const deployed = await deployedSettings(sides.source, replication.name);
  return {
    deadLetterQueueUrl: queueUrl ?? deployed.deadLetterQueueUrl,
    onFailureBucket: bucket ?? deployed.onFailureBucket,
  };
}
