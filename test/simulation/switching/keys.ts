// Keys of a table that is switched: with a partition key that can name markers, with a sort key beside it, or a number.

import { canonicalKey } from '../../../src/model/attribute-value.ts';
import type { KeyAttribute } from '../../../src/config/schema.ts';
import { type Keys, type KeyShape, keysOf } from '../keys.ts';
import type { Item } from '../memory-dynamodb.ts';

const SORT = { sk: { S: 'ferry' } } as const;

export function switchKeysOf(shape: KeyShape): Keys {
  if (shape !== 'composite') return keysOf(shape);
  const keyOf = (name: string): Item => ({ pk: { S: name }, ...SORT });
  return {
    attributes: ['pk', 'sk'],
    keyOf,
    nameOf: ({ pk }) => pk?.S,
    textOf: (name) => canonicalKey(keyOf(name)),
  };
}

export function keyAttributesOf(shape: KeyShape): readonly KeyAttribute[] {
  const pk = { name: 'pk', type: shape === 'composite' ? 'S' : shape } as const;
  return shape === 'composite' ? [pk, { name: 'sk', type: 'S' }] : [pk];
}
