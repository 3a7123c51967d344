// One invocation with records of a Kinesis stream: translates them, and replicates those of the table.

import type { BatchSummary } from '../model/batch-response.ts';
import {
  kinesisSequenceNumber,
  type Translated,
  translateKinesisRecord,
} from '../model/kinesis-record.ts';
import type { StreamRules } from '../model/rules.ts';
import { tiesIn } from '../model/ties.ts';
import type { BatchRecord } from './control-keeper.ts';
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
  if (!Array.isArray(rawRecords)) return replicateBatch(rawRecords, context);
  // Also while a deployment changes the source to the stream of the table.
  const rules: StreamRules = { ...context.rules, arrival: 'any-order' };
  const listed = rules.streamArn === undefined ? [] : [rules.streamArn];
  const numbers = rawRecords.map(kinesisSequenceNumber);
  const translated = rawRecords.map((raw) => translateKinesisRecord(raw, listed));
  const records = translated.map((one) => (one.kind === 'record' ? one.record : undefined));
  const inAnyOrder = { ...context, rules };
  return replicateBatch(records, inAnyOrder, {
    letters: records.map((record, position): unknown => record ?? rawRecords[position]),
    numbers,
    settle(parsed) {
      const ours = parsed.map(
        (one, position) =>
          knownRecord(translated[position], { position, sequenceNumber: numbers[position] }) ?? one,
      );
      return withTies(ours, rules);
    },
  });
}

interface Place {
  readonly position: number;
  readonly sequenceNumber: string | undefined;
}

/** @returns undefined of a record that is to be parsed. */
function knownRecord(translated: Translated | undefined, place: Place): BatchRecord | undefined {
  switch (translated?.kind) {
    case undefined:
    case 'record':
      return undefined;
    case 'malformed':
      return { kind: 'malformed', record: { ...place, reason: translated.reason } };
    case 'foreign':
      return { kind: 'settled', record: place, outcome: { kind: 'foreign' } };
  }
}

function withTies(records: readonly BatchRecord[], rules: StreamRules): BatchRecord[] {
  const parsed = records.flatMap(({ kind, record }) => (kind === 'record' ? [record] : []));
  const ties = tiesIn(parsed, rules);
  return records.map((one, position) => {
    const outcome = ties.get(position);
    return outcome === undefined ? one : { kind: 'settled', record: one.record, outcome };
  });
}
