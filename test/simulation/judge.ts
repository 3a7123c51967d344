// Watches everything that the twin ever shows, and knows the whole history of the source. Shares no code
// with what it judges: versions are rebuilt here from the protocol's text.
//
// What an item shows is a place in its history: the number of a put, or of a delete where it is gone.
// It only ever moves forward, but for the exceptions of exceptions.ts, which are counted by name.

import type { WriteRequest } from '../../src/core/write-request.ts';
import { exceptionOf, type ItemHistory, newHistory, type StepBack } from './exceptions.ts';
import type { Change, Item } from './memory-dynamodb.ts';
import { DAY, MINUTE } from './plan.ts';
import type { Sent } from './process.ts';
import type { SourceWrite, StreamEntry } from './stream.ts';

export const TABLES = { source: 'source', twin: 'twin', state: 'state' } as const;

/** What a tombstone or a failure bound outlives, and what clocks and late requests take off it at most. */
const MEMORY_MS = 15 * DAY;
const SLACK_MS = 10 * MINUTE;

export interface JudgeHost {
  now(): number;
  note(situation: string): void;
  tell(line: () => string): void;
}

export class Judge {
  readonly violations: string[] = [];
  /** By number. */
  readonly #writes = new Map<number, SourceWrite>();
  readonly #ignored: ReadonlySet<string>;
  readonly #host: JudgeHost;
  readonly #items = new Map<string, ItemHistory>();
  readonly #entries = new Map<string, StreamEntry>();
  readonly #places = new Map<string, number>();
  readonly #versions = new Map<StreamEntry, string>();
  /** State rows by what they say of whose they are. */
  readonly #rows = new Map<string, Item>();
  /** Of the newest record of each item. */
  readonly #newest = new Map<string, string>();

  /** @param ignored kinds of violations, the words before their colons. */
  constructor(host: JudgeHost, ignored: ReadonlySet<string> = new Set()) {
    this.#host = host;
    this.#ignored = ignored;
  }

  violation(text: string): void {
    if (this.#ignored.has(text.split(':')[0] ?? '')) return;
    this.#host.tell(() => `VIOLATION ${text}`);
    this.violations.push(text);
  }

  /** How far the history of an item has come at the source. */
  placeOf(key: string): number {
    return this.#places.get(key) ?? 0;
  }

  writes(): SourceWrite[] {
    return [...this.#writes.values()];
  }

  accept(write: SourceWrite): void {
    this.#writes.set(write.number, write);
    this.#places.set(write.key, write.number);
  }

  /** To be told of every record, with the creation time of its stream. */
  learn(entry: StreamEntry, labelMs: number): void {
    const version = versionText(labelMs, entry.sequenceNumber);
    this.#entries.set(version, entry);
    this.#versions.set(entry, version);
    this.#newest.set(entry.write.key, version);
  }

  itemOf(key: string): Readonly<ItemHistory> {
    return this.#historyOf(key);
  }

  /** The record that a version stands for. */
  entryOf(version: string): StreamEntry | undefined {
    return this.#entries.get(version);
  }

  /** A delete above it is remembered, by a repair that got no further or by a record that is lost. */
  isOverruled({ key, entry }: SourceWrite): boolean {
    const deleted = this.#rowOf(key)?.['d']?.S ?? '';
    const version = entry && this.#versions.get(entry);
    return version !== undefined && deleted > version;
  }

  /** The queue takes a letter: by then, its failure bound is remembered, and for long enough. */
  posted(entry: StreamEntry): void {
    const { key, number } = entry.write;
    const row = this.#rowOf(key);
    const isBound = (row?.['f']?.S ?? '') >= (this.#versions.get(entry) ?? '');
    if (!isBound || !this.#lives(row))
      this.violation(`memory: the letter of write ${number} has no failure bound`);
  }

  lettered({ write }: StreamEntry): void {
    const item = this.#historyOf(write.key);
    item.lettered = Math.max(item.lettered, write.number);
  }

  /**
   * Somebody wrote to the twin, and the version is gone: nobody can be blamed for what follows, until the
   * item has a version again that is above all its records.
   */
  tampered(key: string): void {
    const item = this.#historyOf(key);
    item.isTampered = true;
    item.shown = 0;
    item.high = 0;
  }

  onChange(change: Change, cause: unknown): void {
    const sent = cause as Sent | undefined;
    if (sent === undefined) return;
    if (change.table === TABLES.twin) this.#onTwin(change, sent);
    if (change.table === TABLES.state) this.#onStateRow(change);
    if (change.table === TABLES.state && sent.process.facts.kind !== 'handler')
      this.#remembered(change);
  }

  /** What is remembered of an item only grows, and so does the time for which it is. */
  #onStateRow({ key, before, after }: Change): void {
    if (after !== undefined) this.#rows.set(after['key']?.S ?? key, after);
    const [oldEnd, end] = [expiryOf(before), expiryOf(after)];
    if (!this.#lives(after) || end < oldEnd - SLACK_MS)
      this.violation(`memory: ${key} lives until ${end}, and did until ${oldEnd}`);
    for (const name of ['d', 'f']) {
      const [old, next] = [before?.[name]?.S ?? '', after?.[name]?.S ?? ''];
      if (next < old) this.violation(`memory: ${name} of ${key} went from ${old} to ${next}`);
    }
  }

  /** A repair's delete is above the letters that there are by now, not those that come before it is done. */
  #remembered({ after }: Change): void {
    const key = /"S","(\w+)"/.exec(after?.['key']?.S ?? '')?.[1];
    if (key === undefined || after?.['d']?.S?.endsWith('~') !== true) return;
    const item = this.#historyOf(key);
    item.remembered = item.lettered;
  }

  #rowOf(key: string): Item | undefined {
    return this.#rows.get(`[["pk",[["S","${key}"]]]]`);
  }

  #lives(row: Item | undefined): boolean {
    return expiryOf(row) >= this.#host.now() + MEMORY_MS - SLACK_MS;
  }

  #onTwin(change: Change, sent: Sent): void {
    const { key, before, after } = change;
    const step = this.#stepOf(change, sent);
    const item = this.#historyOf(key);
    this.#tellStep(change, sent, step.place);
    if (after !== undefined) this.#requireWritten(key, after);
    const isVisible = before !== undefined || after !== undefined;
    if (step.by === 'read') this.#showRead(change, item, step);
    else if (step.place >= item.shown) item.shown = step.place;
    else if (isVisible) this.#stepBack({ item, change, sent, place: step.place });
    if (item.shown >= item.high) item.stays = undefined;
    item.high = Math.max(item.high, item.shown);
    const version = after?.['_ferry']?.M?.['v']?.S ?? versionIn(sent.intent);
    if (version !== undefined && version >= (this.#newest.get(key) ?? '')) item.isTampered = false;
    if (step.by === 'record') item.streamed = Math.max(item.streamed, step.place);
  }

  #tellStep({ key, after }: Change, { process, sentAtMs }: Sent, place: number): void {
    this.#host.tell(() => {
      const late = this.#host.now() - sentAtMs;
      const what = after === undefined ? 'is gone' : `shows write ${after['w']?.N}`;
      return `${key} ${what} (place ${place}) by ${process.facts.name}, sent ${late.toFixed(0)} ms ago`;
    });
  }

  /** What a copy or a repair writes was read at the source, and is never older than what was shown. */
  #showRead({ key, after }: Change, item: ItemHistory, { place, isRepair }: Step): void {
    if (place < item.high)
      this.violation(
        `${isRepair ? 'repair' : 'copy'}: took ${key} from ${item.high} back to ${place}`,
      );
    this.#host.note(isRepair ? 'repaired' : 'copied');
    item.shown = place;
    item.read = Math.max(item.read, place);
    if (!isRepair) return;
    item.isRepaired = true;
    item.repairedAbove = after === undefined ? item.remembered : item.lettered;
  }

  #stepBack(back: Pick<StepBack, 'item' | 'change' | 'sent' | 'place'>): void {
    const { item, change, sent, place } = back;
    const shown = this.#writes.get(item.shown);
    const applied = this.entryOf(versionIn(sent.intent) ?? '');
    const name = exceptionOf({ ...back, shown, applied, nowMs: this.#host.now() });
    if (name === undefined) {
      const { process } = sent;
      this.violation(
        `history: ${process.facts.kind} took ${change.key} from ${item.shown} back to ${place}`,
      );
    } else this.#host.note(name);
    if (name === 'E2' || name === 'repaired too early') item.stays = name;
    item.shown = place;
  }

  #requireWritten(key: string, after: Item): void {
    const write = this.#writes.get(Number(after['w']?.N));
    const { _ferry: _, ...content } = after;
    const same = write?.key === key && JSON.stringify(write.image) === JSON.stringify(content);
    if (!same) this.violation(`content: ${key} shows what was never written`);
  }

  #stepOf({ key, after }: Change, { process, intent }: Sent): Step {
    const { kind } = process.facts;
    const place = after === undefined ? undefined : Number(after['w']?.N);
    const entry = this.entryOf(versionIn(intent) ?? '');
    if (kind === 'backfill') return { by: 'read', isRepair: false, place: place ?? 0 };
    if (entry === undefined || kind === 'repair') {
      const read = process.sourceReads.get(key) ?? 0;
      return { by: 'read', isRepair: true, place: place ?? read };
    }
    return { by: 'record', isRepair: false, place: place ?? entry.write.number };
  }

  #historyOf(key: string): ItemHistory {
    const found = this.#items.get(key) ?? newHistory();
    this.#items.set(key, found);
    return found;
  }
}

interface Step {
  /** A record of the stream, or what was read at the source. */
  readonly by: 'record' | 'read';
  readonly isRepair: boolean;
  readonly place: number;
}

/** Of a state row, in epoch milliseconds. */
function expiryOf(row: Item | undefined): number {
  return Number(row?.['expiresAt']?.N ?? 0) * 1000;
}

/** Section 1 of the protocol: epoch, label, sequence number, each of fixed width. */
function versionText(labelMs: number, sequenceNumber: string): string {
  return `0001.${String(labelMs).padStart(13, '0')}.${sequenceNumber.padStart(40, '0')}`;
}

/** The version that a guarded write carries. */
export function versionIn(request: WriteRequest | undefined): string | undefined {
  if (request === undefined) return undefined;
  if (request.operation === 'TransactWriteItems')
    return request.input.TransactItems?.[0]?.Put?.Item?.['_ferry']?.M?.['v']?.S;
  if (request.operation === 'PutItem') return request.input.Item?.['_ferry']?.M?.['v']?.S;
  return request.input.ExpressionAttributeValues?.[':v']?.S;
}
