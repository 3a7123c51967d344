// What DynamoDB and Kinesis tell of a stream to which a table sends its changes.

import {
  DescribeKinesisStreamingDestinationCommand,
  type KinesisDataStreamDestination,
} from '@aws-sdk/client-dynamodb';
import { DescribeStreamSummaryCommand } from '@aws-sdk/client-kinesis';
import { isStreaming, type KinesisFacts, type StreamingFacts } from '../model/kinesis-facts.ts';
import type { Access } from './access.ts';
import { serviceSettings } from './client-settings.ts';
import { kinesisClient } from './kinesis-streams.ts';
import { describingClient } from './table-facts.ts';

export interface KinesisSource {
  readonly table: string;
  readonly kinesisStreamArn: string;
}

/** @throws what the services or the network throw. */
export async function describeKinesis(
  access: Access,
  source: KinesisSource,
): Promise<KinesisFacts> {
  const [streaming, kept] = await Promise.all([
    describeStreaming(access, source),
    describeKept(access, source.kinesisStreamArn),
  ]);
  return { streamArn: source.kinesisStreamArn, ...streaming, ...kept };
}

/** @throws what DynamoDB or the network throws. */
export async function describeStreaming(
  access: Access,
  { table: TableName, kinesisStreamArn }: KinesisSource,
): Promise<StreamingFacts> {
  const client = describingClient(access);
  try {
    const { KinesisDataStreamDestinations: all = [] } = await client.send(
      new DescribeKinesisStreamingDestinationCommand({ TableName }),
    );
    // Those that were disabled are listed, too.
    const own = all.filter(({ StreamArn }) => StreamArn === kinesisStreamArn);
    const now = own.find(isActive) ?? own[0];
    const other = all.find((one) => isActive(one) && one.StreamArn !== kinesisStreamArn);
    return {
      status: now?.DestinationStatus,
      precision: now?.ApproximateCreationDateTimePrecision,
      otherStreamArn: other?.StreamArn,
    };
  } catch (error) {
    if (!isMissing(error)) throw error;
    return { status: undefined, precision: undefined, otherStreamArn: undefined };
  } finally {
    client.destroy();
  }
}

/**
 * The Kinesis stream to which a table sends its changes now.
 * @returns undefined also where the endpoint knows of none, as most emulators.
 * @throws what DynamoDB or the network throws.
 */
export async function kinesisStreamOf(access: Access, table: string): Promise<string | undefined> {
  try {
    return (await describeStreaming(access, { table, kinesisStreamArn: '' })).otherStreamArn;
  } catch (error) {
    if (error instanceof Error && error.name === 'UnknownOperationException') return undefined;
    throw error;
  }
}

/** The table or the stream is not there. */
function isMissing(error: unknown): boolean {
  return error instanceof Error && error.name === 'ResourceNotFoundException';
}

function isActive({ DestinationStatus: status }: KinesisDataStreamDestination): boolean {
  return isStreaming({ status });
}

async function describeKept(
  access: Access,
  StreamARN: string,
): Promise<Pick<KinesisFacts, 'retentionHours' | 'keyId'>> {
  const client = kinesisClient(serviceSettings(access, 'kinesis'));
  try {
    const { StreamDescriptionSummary: found } = await client.send(
      new DescribeStreamSummaryCommand({ StreamARN }),
    );
    const isEncrypted = found?.EncryptionType === 'KMS';
    return {
      retentionHours: found?.RetentionPeriodHours,
      keyId: isEncrypted ? found.KeyId : undefined,
    };
  } catch (error) {
    if (!isMissing(error)) throw error;
    return { retentionHours: undefined, keyId: undefined };
  } finally {
    client.destroy();
  }
}
