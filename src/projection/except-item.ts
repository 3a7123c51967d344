// A projection that does not touch one item: the heartbeat's, whose arrival at the twin is measured.

import { isSameValue, type Item } from '../model/attribute-value.ts';
import type { Projection } from '../model/projection.ts';

export function exceptItem(projection: Projection, exempt: Item): Projection {
  const wanted = Object.entries(exempt);
  const isExempt = (key: Item) => wanted.every(([name, value]) => isSameValue(key[name], value));
  return {
    ...projection,
    project: (source, key) => (isExempt(key) ? source : projection.project(source, key)),
  };
}
