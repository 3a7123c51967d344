// What lies under stranded/ in the buckets: which writes it keeps.

import { canonicalKey } from '../../../src/model/attribute-value.ts';
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

function linesOf(body = ''): Line[] {
  const lines = body.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Line);
}

export function strandedIn(world: SwitchWorld): Stranded {
  const lines = SIDES.flatMap((side) =>
    [...world.functions[side].places.objects]
      .filter(([key]) => /^stranded\/\d+\/(records|compared|overwritten)\//.test(key))
      .flatMap(([, body]) => linesOf(body)),
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

/** Whether a write of a lost side that the other one has not, and has not overtaken, is neither replayed nor dropped. */
export function isUndecided(world: SwitchWorld): boolean {
  return SIDES.some((side) => {
    const { objects } = world.functions[side].places;
    const decided = [...objects].filter(([key]) => /^stranded\/\d+\/decisions\//.test(key));
    const decidedOn = new Set(decided.map(([, body]) => (JSON.parse(body) as Decision).keyText));
    return [...objects].some(([key, body]) => {
      if (!/^stranded\/\d+\/classes\//.test(key)) return false;
      const items = linesOf(objects.get(key.replace('/classes/', '/compared/')));
      return linesOf(body).some((line) => {
        const { class: found, line: at } = line as unknown as ClassOf;
        const item = items[at];
        return found === 'stranded' && item !== undefined && !decidedOn.has(canonicalKey(item.key));
      });
    });
  });
}

interface Decision {
  readonly keyText: string;
}

interface ClassOf {
  readonly class: string;
  readonly line: number;
}
