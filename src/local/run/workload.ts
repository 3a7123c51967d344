// A reproducible workload: what an application might do to a table, one write after the other, with
// the values that replicators get wrong. Pure; local-run sends it.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { KeyAttribute } from '../../config/schema.ts';
import type { Item, Random } from '../../ports.ts';
import { below } from '../seeded-random.ts';

export interface KeySchema {
  readonly partitionKey: KeyAttribute;
  readonly sortKey?: KeyAttribute | undefined;
}

export type WorkloadWrite =
  | { readonly kind: 'put'; readonly item: Item }
  | { readonly kind: 'update'; readonly key: Item; readonly attributes: Item }
  | { readonly kind: 'delete'; readonly key: Item };

export interface WorkloadOptions {
  readonly random: Random;
  readonly schema: KeySchema;
  /** Number of different keys. */
  readonly items: number;
  /** Of each number. @default keys of many kinds of text */
  readonly keyOf?: ((number: number) => Item) | undefined;
  /** Attribute that every put and update stamps with the time, epoch milliseconds. */
  readonly timestampAttribute: string;
}

/** One key in a hundred takes every fifth write: the hot keys. */
const HOT_WRITE_SHARE = 0.2;
const HOT_KEY_SHARE = 0.01;

/** Returns a function that makes the next write; the same random numbers make the same writes. */
export function createWorkload(options: WorkloadOptions): (nowMs: number) => WorkloadWrite {
  const { random, schema, items, timestampAttribute } = options;
  const keyOfNumber = options.keyOf ?? ((number: number) => keyOf(number, schema));
  const present = new Set<number>();
  let count = 0;
  return (nowMs) => {
    count += 1;
    const number = pickKey(random, items);
    const key = keyOfNumber(number);
    const stamp: Item = { [timestampAttribute]: { N: String(nowMs) }, write: { N: String(count) } };
    if (!present.has(number)) {
      present.add(number);
      return { kind: 'put', item: { ...attributes(random), ...stamp, ...key } };
    }
    const chance = random.next();
    if (chance < 0.15) {
      present.delete(number);
      return { kind: 'delete', key };
    }
    if (chance < 0.6)
      return { kind: 'update', key, attributes: { ...someAttributes(random), ...stamp } };
    return { kind: 'put', item: { ...attributes(random), ...stamp, ...key } };
  };
}

function pickKey(random: Random, items: number): number {
  const hot = Math.max(1, Math.floor(items * HOT_KEY_SHARE));
  return random.next() < HOT_WRITE_SHARE ? below(random, hot) : below(random, items);
}

const AWKWARD_TEXTS = [
  'plain',
  'with "quotes"',
  'a#b|c:d',
  'new\nline',
  'тест',
  '日本語',
  '🚢',
  '\u0000',
  ' space ',
  '{"S":"x"}',
];

/** Items move between them, and so enter and leave a projection that keeps some. */
const COUNTRIES = ['de', 'fr', 'jp', 'us'];

/** Keys of one partition hold several sort keys, as in most tables. */
export function keyOf(number: number, { partitionKey, sortKey }: KeySchema): Item {
  const partition = sortKey === undefined ? number : Math.floor(number / 8);
  return {
    [partitionKey.name]: keyValue(partitionKey.type, partition),
    ...(sortKey === undefined ? {} : { [sortKey.name]: keyValue(sortKey.type, number) }),
  };
}

function keyValue(type: KeyAttribute['type'], number: number): AttributeValue {
  switch (type) {
    case 'S':
      return { S: `${AWKWARD_TEXTS[number % AWKWARD_TEXTS.length]}-${number}` };
    case 'N':
      return { N: String(number) };
    case 'B':
      return { B: Buffer.from([0, 255, ...Buffer.from(String(number))]) };
  }
}

export function someAttributes(random: Random): Item {
  return Object.fromEntries(Object.entries(attributes(random)).filter(() => random.next() < 0.5));
}

export function attributes(random: Random): Item {
  const bytes = (length: number) => Buffer.from(Array.from({ length }, () => below(random, 256)));
  const text = () => AWKWARD_TEXTS[below(random, AWKWARD_TEXTS.length)] ?? '';
  return {
    title: { S: text() },
    country: { S: COUNTRIES[below(random, COUNTRIES.length)] ?? '' },
    email: { S: `customer-${below(random, 1000)}@example.com` },
    empty: { S: '' },
    total: { N: digits(random, 38) },
    tiny: { N: `${1 + below(random, 9)}E-${100 + below(random, 20)}` },
    photo: { B: bytes(1 + below(random, 64)) },
    noBytes: { B: new Uint8Array() },
    paid: { BOOL: random.next() < 0.5 },
    nothing: { NULL: true },
    tags: { SS: [...new Set(['a', `b${below(random, 10)}`, text() || 'c'])] },
    codes: { NS: [String(below(random, 10)), '1000000000000000000001'] },
    keys: { BS: [bytes(4), Buffer.from('fixed')] },
    address: {
      M: {
        'odd.name "x"': { S: text() },
        lines: { L: [{ S: '1' }, { M: {} }, { L: [] }, { B: bytes(3) }] },
      },
    },
  };
}

function digits(random: Random, length: number): string {
  return `${1 + below(random, 9)}${Array.from({ length: length - 1 }, () => below(random, 10)).join('')}`;
}
