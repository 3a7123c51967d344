// What an audit has read of a stream: how far each shard, and of each key the last record that no accepted letter
// excuses. A record of another epoch, and a marker, is no record of the application.

import { canonicalKey } from '../model/attribute-value.ts';
import { verdictOn } from '../model/control-copies.ts';
import type { ControlRow, Epoch } from '../model/control-row.ts';
import { seriesInEpoch, type SeriesOf } from '../model/guard.ts';
import { isMarker, nonceOf } from '../model/marker.ts';
import { parseStreamRecord, type StreamRecord, streamArnOf } from '../model/stream-record.ts';
import type { Item, Shard } from '../ports.ts';
import type { LastRecord } from './arrival.ts';
import type { OpenLetter } from './ports.ts';

export interface ShardProgress extends Shard {
  iterator?: string | undefined;
  /** The last record that was read. */
  after?: string | undefined;
  /** Closed, and read until there was no next iterator. */
  ended: boolean;
  /** In a row. None of them proves an end. */
  emptyReads: number;
  /** When the last record that was read was written, epoch milliseconds. */
  newestMs?: number | undefined;
  /** Of the last marker that was read. */
  nonce?: string | undefined;
}

/** A key, and its last record. */
export interface AuditedKey {
  readonly key: Item;
  readonly keyText: string;
  readonly streamArn: string | undefined;
  readonly version: LastRecord['version'];
  readonly createdAtSeconds: number | undefined;
  /** Until it has been seen on the other side. */
  record?: StreamRecord | undefined;
  /** In memory, about. */
  readonly bytes: number;
  /** Since then. */
  arrived?: LastRecord | undefined;
  /** At the twin, while it was behind. */
  looks: number;
  /** How often the switch itself has applied it. */
  tries: number;
  rejected?: string | undefined;
}

export interface AuditSetup {
  /** A copy that lists the epoch. */
  readonly row: ControlRow;
  readonly epoch: Epoch;
  /** Sequence numbers of letters. */
  readonly accepted: ReadonlySet<string>;
}

export class AuditMemory {
  readonly shards = new Map<string, ShardProgress>();
  readonly keys = new Map<string, AuditedKey>();
  /** Keys that have not arrived; the one that was looked at the longest ago comes first. */
  readonly behind = new Set<string>();
  /** Records that make no sense, and that no accepted letter excuses. */
  readonly malformed: OpenLetter[] = [];
  /** Markers that may still be in the table, also those of earlier runs. */
  readonly markers = new Map<string, Item>();
  records = 0;
  applied = 0;
  /** Of whole records in memory, about. */
  bytes = 0;
  /** The stream has lost records that were not read. */
  isTrimmed = false;
  readonly #setup: AuditSetup;
  readonly #seriesOf: SeriesOf;

  constructor(setup: AuditSetup) {
    this.#setup = setup;
    this.#seriesOf = seriesInEpoch(setup.epoch.n);
  }

  /** A shard that is no longer listed and has not been read to its end is lost. */
  list(shards: readonly Shard[]): void {
    for (const shard of shards)
      if (!this.shards.has(shard.shardId))
        this.shards.set(shard.shardId, { ...shard, ended: false, emptyReads: 0 });
    const listed = new Set(shards.map(({ shardId }) => shardId));
    for (const { shardId, ended } of this.shards.values())
      this.isTrimmed ||= !ended && !listed.has(shardId);
  }

  takeIn(raw: unknown, shard: ShardProgress): void {
    const { record, kind } = parseStreamRecord(raw, 0, this.#seriesOf);
    const seconds = timeOf(raw);
    if (seconds !== undefined) shard.newestMs = seconds * 1000;
    if (record.sequenceNumber !== undefined) shard.after = record.sequenceNumber;
    if (record.key !== undefined && isMarker(record.key)) {
      this.#takeMarker(record.key, eventOf(raw), shard);
      return;
    }
    if (!this.#isOfEpoch(seconds)) return;
    this.records += 1;
    if (this.#setup.accepted.has(record.sequenceNumber ?? '')) return;
    if (kind === 'record') this.#takeRecord(record, raw);
    else
      this.malformed.push({
        sequenceNumber: undefined,
        key: undefined,
        ...record,
        reason: record.reason.name,
      });
  }

  /** What has been seen on the other side may have been undone since. */
  doubtAll(): void {
    for (const keyText of this.keys.keys()) this.behind.add(keyText);
  }

  arrived(entry: AuditedKey, last: LastRecord): void {
    this.#forget(entry);
    entry.arrived = last;
    entry.record = undefined;
    entry.rejected = undefined;
    this.behind.delete(entry.keyText);
  }

  #takeMarker(key: Item, eventName: unknown, shard: ShardProgress): void {
    const keyText = canonicalKey(key);
    if (eventName === 'REMOVE') {
      this.markers.delete(keyText);
      return;
    }
    this.markers.set(keyText, key);
    shard.nonce = nonceOf(key);
  }

  /** A record without a time belongs to it, like one whose time is in it. */
  #isOfEpoch(seconds: number | undefined): boolean {
    const { row, epoch } = this.#setup;
    const consent = { kind: 'open', epoch, own: row } as const;
    return seconds === undefined || verdictOn(seconds, epoch.region, consent) === 'apply';
  }

  #takeRecord(record: StreamRecord, raw: unknown): void {
    const { key, keyText, version, createdAtSeconds } = record;
    const before = this.keys.get(keyText);
    // Sequence numbers of a key grow, also across shards: the order of reading does not matter.
    if (before !== undefined && before.version >= version) return;
    if (before !== undefined) this.#forget(before);
    const [streamArn, bytes] = [streamArnOf(raw), ENTRY_BYTES + sizeOf(raw)];
    const entry = { key, keyText, streamArn, version, createdAtSeconds, record, bytes };
    this.keys.set(keyText, { ...entry, looks: 0, tries: 0 });
    this.behind.add(keyText);
    this.bytes += bytes;
  }

  #forget({ record, bytes }: AuditedKey): void {
    if (record !== undefined) this.bytes -= bytes;
  }
}

function timeOf(raw: unknown): number | undefined {
  const { dynamodb } = (raw ?? {}) as { dynamodb?: { ApproximateCreationDateTime?: unknown } };
  const seconds = dynamodb?.ApproximateCreationDateTime;
  return typeof seconds === 'number' && Number.isFinite(seconds) ? seconds : undefined;
}

/** Of a record without its images. */
const ENTRY_BYTES = 1_000;

function sizeOf(raw: unknown): number {
  const { dynamodb } = raw as { dynamodb?: { SizeBytes?: unknown } };
  return typeof dynamodb?.SizeBytes === 'number' ? dynamodb.SizeBytes : 0;
}

function eventOf(raw: unknown): unknown {
  return (raw as { eventName?: unknown } | null)?.eventName;
}
