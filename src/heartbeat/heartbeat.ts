// The heartbeat item: written to the source every minute, and a record like any other on its way to the
// twin. What the twin shows of it tells how far behind the twin is, also where no function runs.

import type { Item } from '../model/attribute-value.ts';
import { BEAT_ATTRIBUTE } from '../model/latency.ts';
import type { WriteRequest } from '../model/write-request.ts';

/** Attribute of the heartbeat item: when the first was ever written, N, epoch milliseconds. */
const FIRST_ATTRIBUTE = 'firstWrittenAt';

export interface Beats {
  /** As they are before the next beat. */
  readonly source: Item | undefined;
  readonly twin: Item | undefined;
}

/**
 * Age, in milliseconds, of the oldest heartbeat that is not on the twin; 0 where the latest one is.
 * @param periodMs from one heartbeat to the next: the first that the twin lacks came that long after the
 *   one that it has.
 */
export function oldestBeatMs(
  { source, twin }: Beats,
  { nowMs, periodMs }: { readonly nowMs: number; readonly periodMs: number },
): number {
  const latest = timeIn(source, BEAT_ATTRIBUTE);
  const arrived = timeIn(twin, BEAT_ATTRIBUTE);
  if (latest === undefined || arrived === latest) return 0;
  const oldest =
    arrived === undefined
      ? (timeIn(source, FIRST_ATTRIBUTE) ?? latest)
      : Math.min(latest, arrived + periodMs);
  return Math.max(0, nowMs - oldest);
}

/** The item to write now. */
export function nextBeat(key: Item, { source }: Pick<Beats, 'source'>, nowMs: number): Item {
  const first = timeIn(source, FIRST_ATTRIBUTE) ?? nowMs;
  return {
    ...key,
    [BEAT_ATTRIBUTE]: { N: String(nowMs) },
    [FIRST_ATTRIBUTE]: { N: String(first) },
  };
}

/** Written where nothing is, or an earlier heartbeat: an application's item with this key is left alone. */
export function beatRequest(TableName: string, key: Item, beat: Item): WriteRequest {
  return {
    operation: 'PutItem',
    input: {
      TableName,
      Item: { ...beat },
      ConditionExpression: 'attribute_not_exists(#pk) OR attribute_exists(#first)',
      ExpressionAttributeNames: { '#pk': Object.keys(key)[0] ?? '', '#first': FIRST_ATTRIBUTE },
    },
  };
}

function timeIn(item: Item | undefined, attribute: string): number | undefined {
  const text = item?.[attribute]?.N;
  return text === undefined ? undefined : Number(text);
}
