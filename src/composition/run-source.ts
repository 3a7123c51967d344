// The stream that a process reads: of the table, or a Kinesis stream.

import type { Sides } from '../aws/access.ts';
import { serviceSettings } from '../aws/client-settings.ts';
import { dynamoDbStreamReader } from '../aws/dynamodb-streams.ts';
import { kinesisClient, kinesisStreamReader } from '../aws/kinesis-streams.ts';
import { streamsClient } from '../aws/stream-ranges.ts';
import { backgroundClock, systemRandom } from '../aws/system-clock.ts';
import { configuredSourceArn, kinesisSourceOf } from '../config/change-source.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { FerryError } from '../errors.ts';
import type { StreamReader } from '../ports.ts';
import type { EventRecord } from '../stream/event-record.ts';
import { checkTables } from './table-check.ts';

/**
 * As records name it: of the table's stream, the one that is on now, whatever the configuration has.
 * @throws FerryError `tables.unfit` or `table.missing`, or what a request throws.
 */
export async function sourceArnNow(replication: ReplicationConfig, sides: Sides): Promise<string> {
  const { source } = await checkTables(replication, { sides, needsStream: true });
  const sourceArn = configuredSourceArn(replication.source, source.stream?.arn);
  if (sourceArn !== undefined) return sourceArn;
  throw new FerryError(`The source table ${source.table} in ${source.region} has no stream.`, {
    code: 'tables.unfit',
    hint: 'Turn its stream on, with new images.',
  });
}

export interface OpenReader {
  readonly reader: StreamReader<EventRecord>;
  /** Of the stream itself. */
  readonly streamArn: string;
  readonly close: () => void;
}

export function openReader(sourceArn: string, { source }: Sides): OpenReader {
  const kinesis = kinesisSourceOf(sourceArn);
  const waiting = { clock: backgroundClock, random: systemRandom };
  if (kinesis === undefined) {
    const client = streamsClient(source);
    const reader = dynamoDbStreamReader(client, sourceArn, waiting);
    return { reader, streamArn: sourceArn, close: () => client.destroy() };
  }
  const client = kinesisClient(serviceSettings(source, 'kinesis'));
  const streamArn = kinesis.kinesisStreamArn;
  const reader = kinesisStreamReader(client, streamArn, waiting);
  return { reader, streamArn, close: () => client.destroy() };
}
