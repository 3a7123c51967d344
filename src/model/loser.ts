// Writes that have lost a conflict, and writes that are not replicated, as they are kept: one object for each, under
// losers/ in the on-failure bucket beside the table that has lost them. The same record always makes the same object.

import { createHash } from 'node:crypto';
import { LOSER_OBJECT_PREFIX } from '../config/names.ts';
import { decodeItem, type Item, itemJson, MalformedValue } from './attribute-value.ts';
import type { Version } from './guard.ts';
import { formatProblem, STORED_FORMAT } from './stored-format.ts';

/**
 * `replaced` and `removed`: by a write of the other side. `stray`: not stamped, or not at home, and not replicated.
 */
export type LoserKind = 'replaced' | 'removed' | 'stray';

const KINDS: readonly LoserKind[] = ['replaced', 'removed', 'stray'];

export interface Loser {
  readonly replication: string;
  readonly kind: LoserKind;
  readonly key: Item;
  /** Canonical text of `key`. */
  readonly keyText: string;
  /** Of the record by which it was found. */
  readonly sequenceNumber: string;
  /** Epoch seconds, of that record. */
  readonly createdAtSeconds: number;
  /** What has lost, or was not replicated; absent for a delete. */
  readonly lost?: Item | undefined;
  readonly lostVersion?: Version | undefined;
  /** What has won; absent for a delete. Of a stray: what it has replaced or deleted. */
  readonly won?: Item | undefined;
  readonly wonVersion?: Version | undefined;
}

export interface LoserObject {
  readonly key: string;
  readonly body: string;
}

/** losers/DATE/DIGEST OF THE KEY/SEQUENCE NUMBER.json */
export function loserObject(loser: Loser): LoserObject {
  const date = new Date(loser.createdAtSeconds * 1000).toISOString().slice(0, 10);
  const name = `${loser.sequenceNumber.padStart(40, '0')}.json`;
  const fields = Object.entries(loser).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const isItem = typeof value === 'object';
    return [`${JSON.stringify(name)}:${isItem ? itemJson(value as Item) : JSON.stringify(value)}`];
  });
  return {
    key: `${LOSER_OBJECT_PREFIX}${date}/${keyDigest(loser.keyText)}/${name}`,
    body: `{"format":${STORED_FORMAT},${fields.join(',')}}\n`,
  };
}

/** By it, the objects of one item are found. */
export function keyDigest(keyText: string): string {
  return createHash('sha256').update(keyText).digest('hex').slice(0, 32);
}

export type FoundLoser =
  | { readonly kind: 'loser'; readonly loser: Loser }
  | { readonly kind: 'unreadable'; readonly problem: string };

/** Never throws: what makes no sense is an answer. The problem tells nothing of an item. */
export function parseLoser(body: string): FoundLoser {
  try {
    return { kind: 'loser', loser: loserOf(JSON.parse(body)) };
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: 'unreadable', problem: 'it is not JSON' };
    if (!(error instanceof Unreadable) && !(error instanceof MalformedValue)) throw error;
    return { kind: 'unreadable', problem: error.message };
  }
}

class Unreadable extends Error {}

function loserOf(value: unknown): Loser {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Unreadable('it is not an object');
  const fields = value as Readonly<Record<string, unknown>>;
  const problem = formatProblem(fields['format'] ?? 'missing');
  if (problem !== undefined) throw new Unreadable(problem);
  const { createdAtSeconds } = fields;
  const kind = KINDS.find((one) => one === fields['kind']);
  if (kind === undefined) throw new Unreadable('its kind is not known');
  if (typeof createdAtSeconds !== 'number') throw new Unreadable('it does not tell its time');
  return {
    replication: textIn(fields, 'replication'),
    kind,
    key: decodeItem(fields['key'], 'key'),
    keyText: textIn(fields, 'keyText'),
    sequenceNumber: textIn(fields, 'sequenceNumber'),
    createdAtSeconds,
    ...versionsIn(fields),
    ...imagesIn(fields),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function textIn(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new Unreadable(`it does not tell its ${name}`);
}

function versionsIn(fields: Fields): Pick<Loser, 'lostVersion' | 'wonVersion'> {
  const names = (['lostVersion', 'wonVersion'] as const).filter((name) => name in fields);
  return Object.fromEntries(names.map((name) => [name, textIn(fields, name)]));
}

function imagesIn(fields: Fields): Pick<Loser, 'lost' | 'won'> {
  const names = (['lost', 'won'] as const).filter((name) => name in fields);
  return Object.fromEntries(names.map((name) => [name, decodeItem(fields[name], name)]));
}
