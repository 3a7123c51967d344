// Users who write each item in its home Region: puts, updates, deletes and re-creations. Now and then one of them is
// careless, and writes in the other Region.

import type { Side } from '../../config/identity.ts';
import type { HomeRules } from '../../model/home.ts';
import { below } from '../seeded-random.ts';
import { attributes, createWorkload, someAttributes, type WorkloadWrite } from '../run/workload.ts';
import { sendWrite } from '../run/write-loop.ts';
import { homeKeys } from './item-keys.ts';
import {
  otherSide,
  type Places,
  sideBy,
  STRAY_SHARE,
  type Traffic,
  type TrafficOptions,
} from './traffic.ts';

export interface HomeTrafficOptions extends TrafficOptions {
  readonly places: Places;
  readonly regions: Readonly<Record<Side, string>>;
  readonly home: HomeRules;
}

export function homeTraffic(options: HomeTrafficOptions): Traffic {
  const { random, clock, places, strayShare = STRAY_SHARE } = options;
  const keys = { source: keysAt('source', options), destination: keysAt('destination', options) };
  const workloads = {
    source: createWorkload({ ...workloadOf(options), keyOf: keys.source }),
    destination: createWorkload({ ...workloadOf(options), keyOf: keys.destination }),
  };
  const counts = { writes: 0, strays: 0 };
  const strayWrite = (side: Side): WorkloadWrite => {
    const key = keys[otherSide(side)](below(random, itemsOf(options)));
    const note = { stray: { N: String(clock.now()) } };
    return random.next() < 0.5
      ? { kind: 'put', item: { ...attributes(random), ...note, ...key } }
      : { kind: 'update', key, attributes: { ...someAttributes(random), ...note } };
  };
  return {
    get writes() {
      return counts.writes;
    },
    get strays() {
      return counts.strays;
    },
    // At home, writes follow each other.
    log: [],
    lastWrites: () => new Map(),
    end: async () => undefined,
    async next() {
      const side = sideBy(random);
      const isStray = random.next() < strayShare;
      await sendWrite(places[side], isStray ? strayWrite(side) : workloads[side](clock.now()));
      counts.writes += 1;
      if (isStray) counts.strays += 1;
    },
  };
}

function keysAt(side: Side, { regions, home, schema }: HomeTrafficOptions) {
  return homeKeys(regions[side], home, schema);
}

function itemsOf({ items }: TrafficOptions): number {
  return Math.ceil(items / 2);
}

function workloadOf(options: TrafficOptions) {
  const { random, schema, timestampAttribute } = options;
  return { random, schema, timestampAttribute, items: itemsOf(options) };
}
