// What is kept of a lost Region, in the bucket: saved object by object, and read line by line. Lines that make no sense
// are named, and never passed over in silence.

import { itemDigest } from '../model/discrepancy.ts';
import type { KeptVersion } from '../model/stranded-class.ts';
import {
  isStrandedRecord,
  parseStrandedLine,
  type StrandedEntry,
  type StrandedItem,
  strandedObject,
  strandedPrefix,
  type StrandedRecord,
} from '../model/stranded.ts';
import { canonicalKey } from '../model/attribute-value.ts';
import type { ObjectStore } from '../ports.ts';

export interface StrandedPlace {
  /** The on-failure bucket of the lost Region's function. */
  readonly bucket: ObjectStore;
  /** Of that function. */
  readonly replication: string;
  /** The epoch that was lost. */
  readonly epoch: number;
  readonly onUnreadable: (line: UnreadableLine) => void;
}

export interface UnreadableLine {
  readonly object: string;
  /** From 1 on. */
  readonly line: number;
  readonly problem: string;
}

/** Entries of an object: what is read of it later is held in memory as a whole. */
const ENTRIES_MAX = 500;

/** Of one epoch and one kind. Saving them again is harmless. */
export async function saveStranded(
  entries: readonly StrandedEntry[],
  bucket: ObjectStore,
): Promise<void> {
  for (let at = 0; at < entries.length; at += ENTRIES_MAX) {
    const { key, body } = strandedObject(entries.slice(at, at + ENTRIES_MAX));
    await bucket.put(key, body);
  }
}

/** The entries of one object, by their lines. None where it is gone. */
export async function readEntries(
  object: string,
  place: StrandedPlace,
): Promise<ReadonlyMap<number, StrandedEntry>> {
  const entries = new Map<number, StrandedEntry>();
  const lines = (await place.bucket.get(object))?.split('\n') ?? [];
  for (const [line, text] of lines.entries()) {
    if (text === '') continue;
    const found = parseStrandedLine(text);
    const problem = found.kind === 'entry' ? foreign(found.entry, place) : found.problem;
    if (problem === undefined && found.kind === 'entry') entries.set(line, found.entry);
    else place.onUnreadable({ object, line: line + 1, problem: problem ?? '' });
  }
  return entries;
}

function foreign(entry: StrandedEntry, { replication, epoch }: StrandedPlace): string | undefined {
  if (entry.replication !== replication) return `it is of the replication ${entry.replication}`;
  return entry.epoch === epoch ? undefined : `it is of epoch ${entry.epoch}`;
}

/** Keys of the objects of a kind. */
export async function* objectsOf(
  { bucket, epoch }: Pick<StrandedPlace, 'bucket' | 'epoch'>,
  kind: Parameters<typeof strandedPrefix>[1],
): AsyncGenerator<string> {
  for await (const page of bucket.list(strandedPrefix(epoch, kind)))
    for (const { key } of page) yield key;
}

/** Where a record is, and what it says of its item. */
export interface KeptRecord
  extends KeptVersion,
    Pick<StrandedRecord, 'key' | 'createdAtSeconds' | 'eventName'> {
  readonly object: string;
  readonly line: number;
}

/** The newest record of each item, by the canonical text of its key; the images stay in the bucket. */
export async function readRecords(place: StrandedPlace): Promise<Map<string, KeptRecord>> {
  const newest = new Map<string, KeptRecord>();
  for await (const object of objectsOf(place, 'records')) {
    for (const [line, entry] of await readEntries(object, place)) {
      if (!isStrandedRecord(entry)) continue;
      const { key, version, createdAtSeconds, eventName, newImage } = entry;
      const keyText = canonicalKey(key);
      if ((newest.get(keyText)?.version ?? '') >= version) continue;
      const digest = newImage && itemDigest(newImage);
      newest.set(keyText, { key, version, digest, createdAtSeconds, eventName, object, line });
    }
  }
  return newest;
}

/** The items that an object holds, by their lines. */
export async function readItems(
  object: string,
  place: StrandedPlace,
): Promise<ReadonlyMap<number, StrandedItem>> {
  const items = new Map<number, StrandedItem>();
  for (const [line, entry] of await readEntries(object, place))
    if (!isStrandedRecord(entry)) items.set(line, entry);
  return items;
}
