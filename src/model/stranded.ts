// Writes of a Region that was lost, as they are kept until an operator decides: JSON lines under stranded/ in the
// on-failure bucket of that Region's function. Records that never arrived, and items that both sides have differently.

import { createHash } from 'node:crypto';
import { STRANDED_OBJECT_PREFIX } from '../config/names.ts';
import { decodeItem, isSameValue, type Item, itemJson, MalformedValue } from './attribute-value.ts';
import { epochIn, type Version } from './guard.ts';
import { formatProblem, STORED_FORMAT } from './stored-format.ts';

interface StrandedFacts {
  readonly replication: string;
  /** The epoch that was lost. */
  readonly epoch: number;
  readonly key: Item;
}

/** A record of the lost epoch, kept by the function instead of being applied. */
export interface StrandedRecord extends StrandedFacts {
  readonly version: Version;
  readonly sequenceNumber: string;
  readonly createdAtSeconds: number;
  readonly eventName: 'INSERT' | 'MODIFY' | 'REMOVE';
  /** Absent exactly for a REMOVE. */
  readonly newImage?: Item | undefined;
  readonly oldImage?: Item | undefined;
}

/** An item that differed when the Region was back, kept by the operator's tool. */
export interface StrandedItem extends StrandedFacts {
  /** `compared`: before anything was changed. `overwritten`: right before the repair put the other side's over it. */
  readonly reason: 'compared' | 'overwritten';
  readonly savedAtMs: number;
  /** In the Region that was lost; undefined where it has none. */
  readonly lost?: Item | undefined;
  /** In the active Region, at that time. */
  readonly active?: Item | undefined;
}

export type StrandedEntry = StrandedRecord | StrandedItem;

export function isStrandedRecord(entry: StrandedEntry): entry is StrandedRecord {
  return 'version' in entry;
}

/** An object of the bucket. */
export interface StrandedObject {
  readonly key: string;
  readonly body: string;
}

/**
 * Of one epoch and one kind, at least one. The same entries always make the same object: storing them again changes
 * nothing.
 */
export function strandedObject(entries: readonly StrandedEntry[]): StrandedObject {
  const [first] = entries;
  if (first === undefined) throw new Error('an object without stranded writes');
  const body = entries.map(lineOf).join('');
  const digest = createHash('sha256').update(body).digest('hex');
  const kind = isStrandedRecord(first) ? 'records' : first.reason;
  return { key: `${strandedPrefix(first.epoch, kind)}${digest}.jsonl`, body };
}

/** Of the keys of objects: what was kept, what became of it at the rejoin, and what an operator has decided. */
export function strandedPrefix(
  epoch: number,
  kind: 'records' | StrandedItem['reason'] | 'classes' | 'decisions',
): string {
  return `${STRANDED_OBJECT_PREFIX}${String(epoch).padStart(4, '0')}/${kind}/`;
}

function lineOf(entry: StrandedEntry): string {
  const facts: ReadonlyArray<readonly [string, unknown]> = Object.entries(entry);
  const fields = facts.flatMap(([name, value]) =>
    value === undefined ? [] : [`${JSON.stringify(name)}:${jsonOf(value)}`],
  );
  return `{"format":${STORED_FORMAT},${fields.join(',')}}\n`;
}

function jsonOf(value: unknown): string {
  return typeof value === 'object' ? itemJson(value as Item) : JSON.stringify(value);
}

export type StrandedLine =
  | { readonly kind: 'entry'; readonly entry: StrandedEntry }
  | { readonly kind: 'unreadable'; readonly problem: string };

/** Reads one line. Never throws: what makes no sense is an answer. The problem tells nothing of an item. */
export function parseStrandedLine(line: string): StrandedLine {
  try {
    return { kind: 'entry', entry: entryOf(JSON.parse(line)) };
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: 'unreadable', problem: 'it is not JSON' };
    if (!(error instanceof Unreadable) && !(error instanceof MalformedValue)) throw error;
    return { kind: 'unreadable', problem: error.message };
  }
}

class Unreadable extends Error {}

type Fields = Readonly<Record<string, unknown>>;

function entryOf(value: unknown): StrandedEntry {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Unreadable('it is not an object');
  const fields = value as Fields;
  const problem = formatProblem(fields['format'] ?? 'missing');
  if (problem !== undefined) throw new Unreadable(problem);
  const { replication, epoch } = fields;
  if (typeof replication !== 'string' || replication === '')
    throw new Unreadable('it does not name its replication');
  if (!Number.isSafeInteger(epoch) || Number(epoch) < 1)
    throw new Unreadable('it does not name its epoch');
  const facts = { replication, epoch: Number(epoch), key: keyOf(fields['key']) };
  return 'version' in fields ? recordOf(fields, facts) : itemOf(fields, facts);
}

function keyOf(value: unknown): Item {
  const key = decodeItem(value, 'key');
  const attributes = Object.values(key);
  const isKey = attributes.every(({ S, N, B }) => (S ?? N ?? B) !== undefined);
  if (isKey && (attributes.length === 1 || attributes.length === 2)) return key;
  throw new Unreadable('its key is not one or two attributes of type S, N or B');
}

const EVENTS = ['INSERT', 'MODIFY', 'REMOVE'] as const;

function recordOf(fields: Fields, facts: StrandedFacts): StrandedRecord {
  const { version, sequenceNumber, createdAtSeconds } = fields;
  const eventName = EVENTS.find((name) => name === fields['eventName']);
  if (typeof version !== 'string' || epochIn(version) !== facts.epoch)
    throw new Unreadable('its version is not one of its epoch');
  if (typeof sequenceNumber !== 'string' || !/^\d{1,40}$/.test(sequenceNumber))
    throw new Unreadable('its sequence number is not 1 to 40 digits');
  if (typeof createdAtSeconds !== 'number' || createdAtSeconds <= 0)
    throw new Unreadable('it does not tell its time');
  if (eventName === undefined) throw new Unreadable('its event is not INSERT, MODIFY or REMOVE');
  const images = { ...imageIn(fields, 'newImage', facts), ...imageIn(fields, 'oldImage', facts) };
  if ((eventName === 'REMOVE') === 'newImage' in images)
    throw new Unreadable('its new image does not go with its event');
  return { ...facts, version, sequenceNumber, createdAtSeconds, eventName, ...images };
}

function itemOf(fields: Fields, facts: StrandedFacts): StrandedItem {
  const { reason, savedAtMs } = fields;
  if (reason !== 'compared' && reason !== 'overwritten')
    throw new Unreadable('it has neither a version nor a reason');
  if (!Number.isSafeInteger(savedAtMs)) throw new Unreadable('it does not tell its time');
  const images = { ...imageIn(fields, 'lost', facts), ...imageIn(fields, 'active', facts) };
  return { ...facts, reason, savedAtMs: Number(savedAtMs), ...images };
}

function imageIn(fields: Fields, name: string, { key }: StrandedFacts): Record<string, Item> {
  if (fields[name] === undefined) return {};
  const image = decodeItem(fields[name], name);
  if (Object.keys(key).every((attribute) => isSameValue(key[attribute], image[attribute])))
    return { [name]: image };
  throw new Unreadable(`its ${name} does not carry its key`);
}
