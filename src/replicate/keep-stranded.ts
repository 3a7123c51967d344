// Records of an epoch that was lost -> objects of the function's own bucket. None is acknowledged before it is kept.

import { TAIL_TIME_MS } from '../config/names.ts';
import { decodeItem } from '../model/attribute-value.ts';
import { streamLabelMs, versionOf } from '../model/guard.ts';
import { strandedObject, type StrandedRecord } from '../model/stranded.ts';
import { streamArnOf, type StreamRecord } from '../model/stream-record.ts';
import { classifyFailure } from '../model/write-failure.ts';
import type { Outcome } from '../model/outcome.ts';
import type { ObjectStore } from '../ports.ts';
import type { DestinationHealth } from './destination-health.ts';

export interface KeepContext {
  readonly bucket: Pick<ObjectStore, 'put'>;
  readonly health: DestinationHealth;
  readonly remainingMs: () => number;
}

/**
 * A record in the form in which it is kept.
 * @throws MalformedValue where its old image is none.
 */
export function strandedRecord(
  { record, raw, epoch }: { record: StreamRecord; raw: unknown; epoch: number },
  replication: string,
): StrandedRecord {
  const { key, sequenceNumber, createdAtSeconds = 0, eventName } = record;
  const { OldImage } = (raw as { readonly dynamodb: { readonly OldImage?: unknown } }).dynamodb;
  const labelMs = streamLabelMs(streamArnOf(raw) ?? '') ?? 0;
  return {
    replication,
    epoch,
    key,
    version: versionOf({ epoch, labelMs }, sequenceNumber),
    sequenceNumber,
    createdAtSeconds,
    eventName,
    newImage: eventName === 'REMOVE' ? undefined : record.newImage,
    oldImage: OldImage === undefined ? undefined : decodeItem(OldImage, 'OldImage'),
  };
}

/** One object for each epoch. @returns how all of them end. Never rejects. */
export async function keepStranded(
  entries: readonly StrandedRecord[],
  { bucket, health, remainingMs }: KeepContext,
): Promise<Outcome> {
  try {
    for (const epoch of new Set(entries.map((one) => one.epoch))) {
      if (remainingMs() < TAIL_TIME_MS) return { kind: 'unfinished', why: 'deadline' };
      const { key, body } = strandedObject(entries.filter((one) => one.epoch === epoch));
      await bucket.put(key, body);
    }
    return { kind: 'stranded' };
  } catch (error) {
    const { kind, name } = classifyFailure(error);
    health.noteError(`bucket: ${name}`);
    // Of whatever kind: it waits in the stream.
    return { kind: 'unfinished', why: kind };
  }
}
