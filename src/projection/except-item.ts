// A projection that does not touch one item: the heartbeat's, whose arrival at the twin is measured.

import { canonicalText, type Item } from '../model/attribute-value.ts';
import type { Projection } from '../model/projection.ts';

export function exceptItem(projection: Projection, exempt: Item): Projection {
  const wanted = Object.entries(exempt).map(([name, value]) => {
    return { name, text: value.S, meaning: canonicalText(value) };
  });
  // Texts, the usual case, are not made canonical.
  const isExempt = (key: Item) =>
    wanted.every(({ name, text, meaning }) => {
      const value = key[name];
      if (value === undefined || text !== undefined) return text !== undefined && value?.S === text;
      return canonicalText(value) === meaning;
    });
  return {
    ...projection,
    project: (source, key) => (isExempt(key) ? source : projection.project(source, key)),
  };
}
