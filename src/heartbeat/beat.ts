// One heartbeat: reads how far the last ones have come, and writes the next one, where the source is the one that
// applications write to.

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
  /** Of a replication that can be switched. @default the source is always active */
  readonly turn?: (() => Promise<Turn>) | undefined;
}

export interface Turn {
  /** Whether applications write to the source, and not to the twin. */
  readonly isActive: boolean;
  /** Undefined where no heartbeat is to be written. */
  readonly writer: TwinWriter | undefined;
}

/**
 * Where the source is the twin of another replication, that one brings the heartbeats, and none is written. One that
 * can be switched writes them while its source is active, and nothing is about to change that.
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
  turn,
}: BeatContext): Promise<number> {
  const [before, arrived] = await Promise.allSettled([source.get(key), twin.get(key)]);
  if (before.status === 'rejected') throw before.reason;
  const isOfTwin = before.value?.[reservedAttribute] !== undefined;
  const own = await (turn?.() ?? { isActive: true, writer: isOfTwin ? undefined : writer });
  const nowMs = clock.now();
  if (own.writer !== undefined) {
    const next = nextBeat(key, { source: before.value }, nowMs);
    const { kind } = await own.writer.write(beatRequest(table, key, next));
    if (kind === 'refused') throw keyTaken(key);
  }
  if (arrived.status === 'rejected') throw arrived.reason;
  if (!own.isActive) return 0;
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
