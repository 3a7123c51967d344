// One invocation with records of a Kinesis stream: translates them, and replicates those of the table.

import { translateKinesisRecord } from '../model/kinesis-record.ts';
import type { BatchSummary } from '../model/batch-response.ts';
import { replicateBatch, type ReplicationContext } from './replicate-batch.ts';

/**
 * Replicates `rawRecords`, `event.Records` of one shard of a Kinesis stream.
 * @returns what to answer to Lambda, and the figures, which have been published.
 * @throws only where nothing can be said about the batch; Lambda then delivers all of it again.
 */
export async function replicateKinesisBatch(
  rawRecords: readonly unknown[],
  context: ReplicationContext,
): Promise<BatchSummary> {
  const { streamArn } = context.rules;
  const listed = streamArn === undefined ? [] : [streamArn];
  const records = rawRecords.map((raw) => {
    const translated = translateKinesisRecord(raw, listed);
    return translated.kind === 'record' ? translated.record : raw;
  });
  return replicateBatch(records, context);
}
