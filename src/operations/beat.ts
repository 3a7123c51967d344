// One heartbeat: how far the last ones have come, and the next one.

import { nextBeat, oldestBeatMs } from '../core/heartbeat.ts';
import type { Clock, Item, ItemReader } from '../ports.ts';

export interface BeatContext {
  readonly key: Item;
  readonly source: ItemReader;
  readonly twin: ItemReader;
  readonly write: (item: Item) => Promise<unknown>;
  readonly clock: Clock;
  readonly periodMs: number;
}

/**
 * @returns the age of the oldest heartbeat that is not on the twin, in milliseconds.
 * @throws what a request throws. Where only the twin cannot be read, the next heartbeat has been written.
 */
export async function beat({
  key,
  source,
  twin,
  write,
  clock,
  periodMs,
}: BeatContext): Promise<number> {
  const [before, arrived] = await Promise.allSettled([source.get(key), twin.get(key)]);
  if (before.status === 'rejected') throw before.reason;
  const nowMs = clock.now();
  await write(nextBeat(key, { source: before.value }, nowMs));
  if (arrived.status === 'rejected') throw arrived.reason;
  return oldestBeatMs({ source: before.value, twin: arrived.value }, { nowMs, periodMs });
}
