// A source item and what a projection has made of it -> what became of each attribute, for people.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { canonicalText, type Item } from '../model/attribute-value.ts';

export interface AttributeChange {
  /** `renamed` and `hashed` are recognized by the values: a module tells nothing. */
  readonly kind: 'same' | 'dropped' | 'renamed' | 'hashed' | 'set' | 'changed';
  /** Such as profile.phones[0]. */
  readonly path: string;
  readonly before?: AttributeValue;
  readonly after?: AttributeValue;
  /** The new name. */
  readonly to?: string;
}

/** Of an HMAC-SHA256 as base64url. */
const HASH = /^[\w-]{43}$/;

/** By name, those of the key first. Inside of maps and lists, only what is not the same. */
export function attributeChanges(before: Item, after: Item, key: Item): AttributeChange[] {
  const rank = ({ path }: AttributeChange) => (Object.hasOwn(key, path) ? 0 : 1);
  return mapChanges(before, after, '').toSorted(
    (a, b) => rank(a) - rank(b) || (a.path < b.path ? -1 : 1),
  );
}

function mapChanges(before: Item, after: Item, prefix: string): AttributeChange[] {
  const added = new Map(Object.entries(after).filter(([name]) => !Object.hasOwn(before, name)));
  const changes = Object.entries(before).flatMap(([name, value]): AttributeChange[] => {
    const path = prefix + name;
    const kept = Object.hasOwn(after, name) ? after[name] : undefined;
    if (kept !== undefined) return valueChanges(path, value, kept);
    const text = canonicalText(value);
    const [to] = [...added].find(([, one]) => canonicalText(one) === text) ?? [];
    if (to === undefined) return [{ kind: 'dropped', path, before: value }];
    added.delete(to);
    return [{ kind: 'renamed', path, before: value, to }];
  });
  const set = [...added].map(([name, value]): AttributeChange => {
    return { kind: 'set', path: prefix + name, after: value };
  });
  return [...changes, ...set];
}

function valueChanges(
  path: string,
  before: AttributeValue,
  after: AttributeValue,
): AttributeChange[] {
  if (canonicalText(before) === canonicalText(after)) return [{ kind: 'same', path, before }];
  const isOther = ({ kind }: AttributeChange) => kind !== 'same';
  if (before.M !== undefined && after.M !== undefined)
    return mapChanges(before.M, after.M, `${path}.`).filter(isOther);
  const [from, to] = [before.L, after.L];
  if (from !== undefined && from.length === to?.length)
    return from
      .flatMap((one, index) => valueChanges(`${path}[${index}]`, one, to[index] ?? { NULL: true }))
      .filter(isOther);
  return [{ kind: HASH.test(after.S ?? '') ? 'hashed' : 'changed', path, before, after }];
}
