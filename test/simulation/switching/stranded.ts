// What lies under stranded/ in the buckets: which writes it keeps.

import type { Item } from '../memory-dynamodb.ts';
import type { RegionWrite } from './region.ts';
import { SIDES, type SwitchWorld } from './world.ts';

interface Line {
  readonly key: Item;
  readonly sequenceNumber?: string;
  readonly reason?: string;
  readonly lost?: Item;
}

export interface Stranded {
  covers(write: RegionWrite): boolean;
  describe(): string;
}

export function strandedIn(world: SwitchWorld): Stranded {
  const lines = SIDES.flatMap((side) =>
    [...world.functions[side].places.objects]
      .filter(([key]) => /^stranded\/\d+\/(records|compared|overwritten)\//.test(key))
      .flatMap(([, body]) => body.split('\n').filter((line) => line !== ''))
      .map((line) => JSON.parse(line) as Line),
  );
  const numbers = new Set(lines.map(({ sequenceNumber }) => sequenceNumber));
  const items = lines.filter(({ reason }) => reason !== undefined);
  return {
    describe: () => JSON.stringify(lines),
    covers: ({ key, image, entries }) =>
      entries.some(({ sequenceNumber }) => numbers.has(sequenceNumber)) ||
      items.some(
        ({ key: itemKey, lost }) =>
          world.keys.nameOf(itemKey) === key && lost?.['w']?.N === image?.['w']?.N,
      ),
  };
}
