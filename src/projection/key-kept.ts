// The key of an item, which no projection changes: the twin's item would be another one.

import { isSameValue, type Item } from '../model/attribute-value.ts';
import { ProjectionFailed } from '../model/projection.ts';

/** @throws ProjectionFailed where `content` has a key attribute no longer, or with another value. */
export function requireKey(content: Item, source: Item, key: Item): void {
  for (const name of Object.keys(key)) {
    const value = Object.hasOwn(content, name) ? content[name] : undefined;
    if (isSameValue(value, source[name])) continue;
    throw new ProjectionFailed(
      'ProjectionKeyChanged',
      `the key attribute ${name} ${value === undefined ? 'is missing' : 'has another value'}`,
    );
  }
}
