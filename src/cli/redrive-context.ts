// Everything that a redrive of a deployed replication needs: its queue, its bucket, its tables.

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

export interface FailurePlaces {
  readonly queueUrl: string | undefined;
  readonly bucket: string | undefined;
}

/** Asks the deployed function where its failures go, unless both places are given. */
export async function openRedrive(
  replication: ReplicationConfig,
  { queueUrl, bucket }: FailurePlaces,
): Promise<{ context: RedriveContext; close: () => void }> {
  const { source, destination } = replication;
  const places =
    queueUrl !== undefined && bucket !== undefined
      ? { deadLetterQueueUrl: queueUrl, onFailureBucket: bucket }
      : await deployedSettings(source.region, replication.name);
  const settings = handlerSettings(replication, {
    deadLetterQueueUrl: queueUrl ?? places.deadLetterQueueUrl,
    onFailureBucket: bucket ?? places.onFailureBucket,
  });
  const writer = writeClient({ ...destination, concurrency: settings.concurrency });
  const [sourceReads, destinationReads] = [readClient(source), readClient(destination)];
  const streams = streamsClient(source);
  const objects = objectClient({ region: source.region });
  const messages = queueClient({ region: source.region, queueUrl: settings.deadLetterQueueUrl });
  const clients = [writer, sourceReads, destinationReads, streams, objects, messages];
  const reader = (client: typeof sourceReads, table: string) =>
    dynamoDbReader(client, { table, keyAttributes: [] });
  return {
    context: {
      settings,
      arrival: 'out-of-order',
      destination: dynamoDbDestination(writer),
      source: reader(sourceReads, source.table),
      twin: reader(destinationReads, destination.table),
      stateTable: reader(destinationReads, replication.stateTable),
      queue: sqsMessages(messages, settings.deadLetterQueueUrl),
      bucket: s3Objects(objects, settings.onFailureBucket),
      readRange: (range) => readStreamRange(streams, range),
      clock: systemClock,
      random: systemRandom,
      // What failed is in the report, by name.
      log: () => undefined,
      health: destinationHealth(),
      // No Lambda ends this invocation.
      remainingMs: () => Infinity,
    },
    close: () => {
      for (const client of clients) client.destroy();
    },
  };
}
