// Everything that a redrive of a deployed replication needs: its queue, its bucket, its tables.

import type { Credentials } from '../adapters/client-settings.ts';
import { deployedSettings } from '../adapters/deployed-function.ts';
import { dynamoDbReader, readClient } from '../adapters/dynamodb-reader.ts';
import { dynamoDbDestination, writeClient } from '../adapters/dynamodb-table.ts';
import { objectClient, s3Objects } from '../adapters/s3-objects.ts';
import { queueClient, sqsMessages } from '../adapters/sqs-messages.ts';
import { readStreamRange, streamsClient } from '../adapters/stream-ranges.ts';
import { systemClock, systemRandom } from '../adapters/system-clock.ts';
import { handlerSettings, type ReplicationConfig } from '../config.ts';
import { destinationHealth } from '../core/destination-health.ts';
import type { RedriveContext } from '../operations/redrive.ts';

export interface RedriveSetup {
  readonly replication: ReplicationConfig;
  /** Unless both are given, the deployed function is asked. */
  readonly queueUrl?: string | undefined;
  readonly bucket?: string | undefined;
  /** An endpoint of S3 other than the Region's own. */
  readonly objectEndpoint?: string | undefined;
  readonly credentials?: Credentials | undefined;
}

export interface OpenRedrive {
  readonly context: RedriveContext;
  close(): void;
}

export async function openRedrive(setup: RedriveSetup): Promise<OpenRedrive> {
  const { replication, objectEndpoint, credentials } = setup;
  const { source, destination } = replication;
  const settings = handlerSettings(replication, await failurePlaces(setup));
  const { concurrency, deadLetterQueueUrl: queueUrl } = settings;
  const { region } = source;

  const writer = writeClient({ ...destination, credentials, concurrency });
  const sourceReads = readClient({ ...source, credentials });
  const destinationReads = readClient({ ...destination, credentials });
  const streams = streamsClient({ ...source, credentials });
  const objects = objectClient({ region, endpoint: objectEndpoint, credentials });
  const messages = queueClient({ region, queueUrl, credentials });
  const clients = [writer, sourceReads, destinationReads, streams, objects, messages];
  return {
    context: {
      settings,
      arrival: 'out-of-order',
      destination: dynamoDbDestination(writer),
      source: dynamoDbReader(sourceReads, { table: source.table, keyAttributes: [] }),
      twin: dynamoDbReader(destinationReads, { table: destination.table, keyAttributes: [] }),
      stateTable: dynamoDbReader(destinationReads, {
        table: replication.stateTable,
        keyAttributes: [],
      }),
      queue: sqsMessages(messages, queueUrl),
      bucket: s3Objects(objects, settings.onFailureBucket),
      readRange: (range) => readStreamRange(streams, range),
      clock: systemClock,
      random: systemRandom,
      health: destinationHealth(),
      // No Lambda ends this invocation.
      remainingMs: () => Infinity,
    },
    close() {
      for (const client of clients) client.destroy();
    },
  };
}

async function failurePlaces({ replication, queueUrl, bucket }: RedriveSetup) {
  if (queueUrl !== undefined && bucket !== undefined) {
    return { deadLetterQueueUrl: queueUrl, onFailureBucket: bucket };
  }
  const deployed = await deployedSettings(replication.source.region, replication.name);
  return {
    deadLetterQueueUrl: queueUrl ?? deployed.deadLetterQueueUrl,
    onFailureBucket: bucket ?? deployed.onFailureBucket,
  };
}
