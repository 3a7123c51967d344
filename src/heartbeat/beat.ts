// One heartbeat: reads how far the last ones have come, and writes the next one.

import { beatRequest, nextBeat, oldestBeatMs } from './heartbeat.ts';
import { itemJson } from '../model/attribute-value.ts';
import { FerryError } from '../errors.ts';
import type { Clock, TwinWriter, Item, ItemReader } from '../ports.ts';

export interface BeatContext {
  readonly key: Item;
  readonly source: ItemReader;
  readonly twin: ItemReader;
  /** Of the source. */
  readonly table: string;
  readonly writer: TwinWriter;
  readonly clock: Clock;
  readonly periodMs: number;
  readonly reservedAttribute: string;
}

/**
 * Where the source is the twin of another replication, that one brings the heartbeats, and none is written.
 * @returns the age of the oldest heartbeat that is not on the twin, in milliseconds.
 * @throws what a request throws. Where only the twin cannot be read, the next heartbeat has been written.
 */
export async function beat({
  key,
  source,
  twin,
  table,
  writer,
  clock,
  periodMs,
  reservedAttribute,
}: BeatContext): Promise<number> {
  const [before, arrived] = await Promise.allSettled([source.get(key), twin.get(key)]);
  if (before.status === 'rejected') throw before.reason;
  const nowMs = clock.now();
  if (before.value?.[reservedAttribute] === undefined) {
    const next = nextBeat(key, { source: before.value }, nowMs);
    const { kind } = await writer.write(beatRequest(table, key, next));
    if (kind === 'refused') throw keyTaken(key);
  }
  if (arrived.status === 'rejected') throw arrived.reason;
  return oldestBeatMs({ source: before.value, twin: arrived.value }, { nowMs, periodMs });
}

function keyTaken(key: Item): FerryError {
  return new FerryError(
    `The source has an item ${itemJson(key)} that is no heartbeat; it is left alone.`,
    {
      code: 'heartbeat.key-taken',
      hint: 'Choose a key for "heartbeat" that no application uses, and deploy.',
    },
  );
}
