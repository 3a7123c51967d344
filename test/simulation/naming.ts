// Redrives that take what was read at the source for what a record has brought: they read versions that no
// record has as if they had names, and write where everything is as it really is.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { WriteRequest } from '../../src/model/write-request.ts';
import { recordKey } from '../../src/model/stream-record.ts';
import type { ReadableTable } from '../../src/ports.ts';
import { versionIn } from './judge.ts';
import type { Item } from './memory-dynamodb.ts';
import type { Mutation } from './mutant.ts';
import type { Process, ProcessKind } from './process.ts';
import type { World } from './world.ts';

/** A version that no record has, and where it was found. */
export interface Unnamed {
  readonly version: string;
  /** Of the item. */
  readonly name: string;
  /** Who has written it; undefined where that is not known. */
  readonly by: ProcessKind | undefined;
  /** Whether it is read for a delete. */
  readonly isForDelete: boolean;
}

interface Notes {
  /** By item and version. */
  readonly writers: Map<string, ProcessKind>;
  /** What each redrive has read, by table and item. */
  readonly read: WeakMap<Process, Map<string, Item>>;
  /** Whether what each redrive has taken of an item is a delete. */
  readonly deletes: WeakMap<Process, Map<string, boolean>>;
}

const NOTES = new WeakMap<World, Notes>();

function notesOf(world: World): Notes {
  const notes = NOTES.get(world) ?? {
    writers: new Map<string, ProcessKind>(),
    read: new WeakMap<Process, Map<string, Item>>(),
    deletes: new WeakMap<Process, Map<string, boolean>>(),
  };
  NOTES.set(world, notes);
  return notes;
}

function ofProcess<T>(all: WeakMap<Process, Map<string, T>>, process: Process): Map<string, T> {
  const own = all.get(process) ?? new Map<string, T>();
  all.set(process, own);
  return own;
}

/** What is meant is replayed by its version, and the source is not asked. */
export function replayedByVersion(
  isMeant: (unnamed: Unnamed) => boolean,
): Pick<Mutation, 'readers' | 'destination' | 'queue' | 'bucket'> {
  return {
    readers(readers, process, world) {
      if (process.facts.kind !== 'redrive') return readers;
      const place = { process, world, isMeant };
      return {
        source: readers.source,
        twin: readingNames(readers.twin, place, (key) => world.keys.nameOf(key)),
        ledger: readingNames(readers.ledger, place, (key) =>
          world.judge.nameOfRow(key['id']?.S ?? ''),
        ),
      };
    },
    destination: (port, process, world) => ({
      write(request) {
        noteWriter(request, process, world);
        const isRedrive = process.facts.kind === 'redrive';
        return port.write(isRedrive ? asItIs(request, process, world) : request);
      },
    }),
    queue: (queue, process, world) => ({
      ...queue,
      async receive(hiddenSeconds) {
        const messages = await queue.receive(hiddenSeconds);
        const records = messages.map(
          ({ body }) => (JSON.parse(body) as { record: unknown }).record,
        );
        noteDeletes(records, process, world);
        return messages;
      },
    }),
    bucket: (bucket, { process, world }) => ({
      ...bucket,
      async get(key) {
        const text = await bucket.get(key);
        const { payload = '{}' } = JSON.parse(text ?? '{}') as { payload?: string };
        const { Records = [] } = JSON.parse(payload) as { Records?: unknown[] };
        noteDeletes(Records, process, world);
        return text;
      },
    }),
  };
}

interface Place {
  readonly process: Process;
  readonly world: World;
  readonly isMeant: (unnamed: Unnamed) => boolean;
}

function readingNames(
  table: ReadableTable,
  { process, world, isMeant }: Place,
  nameOf: (key: Item) => string | undefined,
): ReadableTable {
  const { writers, read, deletes } = notesOf(world);
  const asRead = (item: Item): Item => {
    const name = nameOf(item);
    if (name === undefined) return item;
    ofProcess(read, process).set(idOf(item, world), item);
    const isForDelete = ofProcess(deletes, process).get(name) === true;
    const named = (version: string) => {
      const by = writers.get(`${name} ${version}`);
      return isUnnamed(version) && isMeant({ version, name, by, isForDelete })
        ? namedAs(version)
        : version;
    };
    return { ...item, ...namedParts(item, named) };
  };
  return {
    ...table,
    async get(key) {
      const item = await table.get(key);
      return item === undefined ? undefined : asRead(item);
    },
    async getMany(keys, attributes) {
      const reply = await table.getMany?.(keys, attributes);
      const { items = [], unprocessed = [], unreadable = [] } = reply ?? {};
      return { items: items.map(asRead), unprocessed, unreadable };
    },
  };
}

/** The versions of an item or of a ledger row. */
function namedParts(item: Item, named: (version: string) => string): Item {
  const { _ferry: reserved, d } = item;
  const v = reserved?.M?.['v']?.S;
  return {
    ...(v === undefined ? {} : { _ferry: { M: { ...reserved?.M, v: { S: named(v) } } } }),
    ...(d?.S === undefined ? {} : { d: { S: named(d.S) } }),
  };
}

function isUnnamed(version: string): boolean {
  return version.endsWith('~') || /\.0+$/.test(version);
}

/** Above the same records. */
function namedAs(version: string): string {
  return version.replace(/~+$/, '').replace(/\.0{40}$/, `.${'1'.padStart(40, '0')}`);
}

/** Of a key or an item of the twin, or of a ledger row. */
function idOf(key: Item, world: World): string {
  return key['id']?.S ?? `twin ${world.keys.nameOf(key)}`;
}

/** The conditions of a transaction as what was read is in truth. */
function asItIs(request: WriteRequest, process: Process, world: World): WriteRequest {
  if (request.operation !== 'TransactWriteItems') return request;
  const read = ofProcess(notesOf(world).read, process);
  const TransactItems = (request.input.TransactItems ?? []).map((part) => {
    const [[kind, action] = ['', undefined]] = Object.entries(part);
    const values = action?.ExpressionAttributeValues;
    const key = action !== undefined && 'Item' in action ? action.Item : action?.Key;
    const item = read.get(idOf(key ?? {}, world));
    if (values === undefined || item === undefined) return part;
    return { [kind]: { ...action, ExpressionAttributeValues: valuesOf(values, item) } };
  });
  return { operation: 'TransactWriteItems', input: { TransactItems } };
}

function valuesOf(values: Record<string, AttributeValue>, item: Item) {
  const { _ferry: reserved, d } = item;
  const isRow = item['id'] !== undefined;
  const known: Record<string, AttributeValue | undefined> = isRow
    ? { ':d': d }
    : { ':f': reserved };
  const isKept = isRow && d?.S !== undefined && values[':new']?.S === namedAs(d.S);
  const all = Object.entries(values).map(([name, value]) => [name, known[name] ?? value] as const);
  return { ...Object.fromEntries(all), ...(isKept ? { ':new': d } : {}) };
}

function noteWriter(request: WriteRequest, { facts }: Process, world: World): void {
  const version = versionIn(request);
  if (version === undefined || request.operation !== 'TransactWriteItems') return;
  const [first] = request.input.TransactItems ?? [];
  const key = first?.Put?.Item ?? (first?.Delete ?? first?.ConditionCheck)?.Key;
  const name = world.keys.nameOf(key ?? {});
  notesOf(world).writers.set(`${name} ${version}`, facts.kind);
}

/** Of an item, whether all of these records are deletes. */
function noteDeletes(records: readonly unknown[], process: Process, world: World): void {
  const known = ofProcess(notesOf(world).deletes, process);
  const found = new Map<string, boolean>();
  for (const record of records) {
    const name = world.keys.nameOf(recordKey(record)?.key ?? {});
    if (name === undefined) continue;
    const isDelete = (record as { eventName?: string }).eventName === 'REMOVE';
    found.set(name, isDelete && found.get(name) !== false);
  }
  for (const [name, isDelete] of found) known.set(name, isDelete);
}
