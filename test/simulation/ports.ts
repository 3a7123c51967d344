// The production ports of one process, over the simulated network and services. Stands where the adapters
// stand, and answers as they do.

import { cancellation, refusal } from '../../src/aws/signed/write-reply.ts';
import type {
  TwinReader,
  TwinWriter,
  Item,
  ReadableTable,
  ScanPage,
  TransactionWriter,
  WriteReply,
} from '../../src/ports.ts';
import type { ReadRequest } from '../../src/model/read-request.ts';
import type { WriteRequest } from '../../src/model/write-request.ts';
import { type MemoryDynamoDb, type Reply, serviceError, STALE_MS_MAX } from './memory-dynamodb.ts';
import { isOfControlRow } from './judge.ts';
import { happens } from './random.ts';
import type { Network, Service } from './network.ts';
import type { Process, Sent } from './process.ts';

/** The service, or what stands before it. */
export type Database = Pick<
  MemoryDynamoDb,
  'execute' | 'read' | 'get' | 'scan' | 'gapAfter' | 'nameOf' | 'keyOf' | 'tableId'
>;

/** The same, with something else before its writes. */
export function executedBy(db: Database, execute: Database['execute']): Database {
  return {
    execute,
    read: (request, options) => db.read(request, options),
    get: (table, key) => db.get(table, key),
    scan: (table, position) => db.scan(table, position),
    gapAfter: (table, after) => db.gapAfter(table, after),
    nameOf: (table, item) => db.nameOf(table, item),
    keyOf: (table, name) => db.keyOf(table, name),
    tableId: (table) => db.tableId(table),
  };
}

export interface PortParts {
  readonly process: Process;
  readonly network: Network;
  readonly db: Database;
  /** What a mutant makes of a request before it is sent. */
  readonly rewrite: (request: WriteRequest, process: Process) => WriteRequest;
}

const WRITE_UNITS = 1;
/** Pages of a scan without items, although others follow; and last pages that do not say so. */
const EMPTY_PAGES = 0.15;
const EXACT_ENDS = 0.3;

export function destinationPort({ process, network, db, rewrite }: PortParts): TwinWriter {
  return {
    async write(request) {
      const actual = rewrite(request, process);
      let sent: Sent | undefined;
      const execute = (one: Sent) => {
        sent = one;
        const reply = db.execute(actual, one, one.cancelled);
        network.tell(() => `${process.facts.name}: ${describeRequest(actual)} is ${reply.kind}`);
        return reply;
      };
      const send = () => network.send(process, 'destination', execute, { intent: request });
      const reply = await (isOfControlRow(request) ? noted(process, send) : send());
      return told(sent, () => toWriteReply(reply, actual));
    },
  };
}

/** The parts that tell requests apart. */
function describeRequest({ operation, input }: WriteRequest): string {
  const texts = JSON.stringify(input).match(/"(?:d|f|SET[^"]*|\d{4}\.\d{13}\.\d{40}~*)"/g) ?? [];
  const short = texts.map((text) => text.replace(/\d{4}\.\d{9}(\d{4})\.0*/, '$1.'));
  return `${operation} ${[...new Set(short)].join(' ')}`;
}

/** Notes what the sender is told. */
function told(sent: Sent | undefined, answer: () => WriteReply): WriteReply {
  let name = '';
  try {
    const reply = answer();
    name = reply.kind;
    if (sent !== undefined && reply.kind === 'refused' && reply.by === 'item')
      sent.foundNothing = reply.item === undefined;
    return reply;
  } catch (error) {
    name = error instanceof Error ? error.name : '';
    throw error;
  } finally {
    if (sent !== undefined) sent.told = name;
  }
}

/**
 * What the adapter makes of a service's answer.
 * @throws what the adapter throws.
 */
export function toWriteReply(reply: Reply, { operation }: WriteRequest): WriteReply {
  if (reply.kind === 'written') return reply;
  if (reply.kind === 'condition-failed') return refusal(operation, reply.item);
  const parts = reply.reasons.map(({ code, message, item }) => ({
    Code: code,
    Message: message,
    Item: item,
  }));
  return cancellation(parts, serviceError('TransactionCanceledException'));
}

const CAPACITY_LACKS = 0.3;

/** The reads of an invocation, and what it is told by them. */
export function destinationReaderPort({ process, network, db }: ProcessParts): TwinReader {
  const { random } = process.facts;
  const ageMs = () => (happens(random, network.rates().stale) ? random.next() * STALE_MS_MAX : 0);
  const isProcessed = () => !happens(random, network.rates().throttle * CAPACITY_LACKS);
  return {
    async read(request) {
      const execute = () => db.read(request, { ageMs, isProcessed });
      const tables = tablesIn(request);
      const send = () => network.send(process, 'destination', execute, { tables });
      const reply = await (isOfControl(request) ? noted(process, send) : send());
      if (request.operation === 'BatchGetItem') noteLookUp(request, reply.items, process);
      if (reply.unprocessed.length > 0) network.note('look-up without capacity');
      return reply;
    },
    tableId: (table) =>
      noted(process, () => network.send(process, 'destination', () => db.tableId(table))),
  };
}

/** A request for the control row, or for what the first one is made of. */
async function noted<T>(process: Process, send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (error) {
    process.controlFailures += 1;
    throw error;
  }
}

/** Also the pages that a first adoption looks at. */
function isOfControl({ operation }: ReadRequest): boolean {
  return operation !== 'BatchGetItem';
}

function tablesIn({ operation, input }: ReadRequest): string[] {
  return operation === 'BatchGetItem'
    ? Object.keys(input.RequestItems ?? {})
    : [input.TableName ?? ''];
}

function noteLookUp(request: ReadRequest, items: readonly Item[], process: Process): void {
  if (request.operation !== 'BatchGetItem') return;
  for (const item of items) process.lookedUp.set(item['id']?.S ?? '', item['d']?.S);
}

export function transactionPort({ process, network, db, rewrite }: PortParts): TransactionWriter {
  return {
    async transact(input) {
      const request: WriteRequest = { operation: 'TransactWriteItems', input };
      const actual = rewrite(request, process);
      const execute = (sent: Sent) => db.execute(actual, sent, sent.cancelled);
      const reply = await network.send(process, 'destination', execute, { intent: request });
      if (reply.kind === 'written') return { kind: 'written', writeUnits: WRITE_UNITS };
      if (reply.kind === 'cancelled') return reply;
      throw new Error('a transaction is cancelled as a whole');
    },
  };
}

type ProcessParts = Omit<PortParts, 'rewrite'>;

export interface ReaderParts extends ProcessParts {
  readonly service: Service;
  readonly table: string;
  /** Asked at the very moment at which an item is read; what it returns is called if the answer arrives. */
  readonly onRead: (key: string) => () => void;
}

export function readerPort(parts: ReaderParts): ReadableTable {
  const { process, network, db, service, table, onRead } = parts;
  const textOf = (item: Item) => db.nameOf(table, item);
  const keyOf = (item: Item): Item => db.keyOf(table, textOf(item));
  const traits = { tables: [table] };
  return {
    keyOf,
    async get(key) {
      const text = textOf(key);
      const read = () => ({ item: db.get(table, text), remember: onRead(text) });
      const { item, remember } = await network.send(process, service, read, traits);
      remember();
      return item;
    },
    async getMany(keys, attributes) {
      const { random } = process.facts;
      const isProcessed = () => !happens(random, network.rates().throttle * CAPACITY_LACKS);
      const read = () => {
        if (keys.length === 0 || keys.length > 100) throw serviceError('ValidationException');
        const [asked, unprocessed] = [keys.filter(isProcessed), [] as Item[]];
        for (const key of keys) if (!asked.includes(key)) unprocessed.push(key);
        const found = asked.map((key) => {
          const text = textOf(key);
          return { item: db.get(table, text), remember: onRead(text) };
        });
        return { found, unprocessed };
      };
      const { found, unprocessed } = await network.send(process, service, read, traits);
      for (const { remember } of found) remember();
      if (unprocessed.length > 0) network.note('batch without capacity');
      const items = found.flatMap(({ item }) =>
        item === undefined ? [] : [attributes === undefined ? item : picked(item, attributes)],
      );
      return { items, unprocessed, unreadable: [] };
    },
    scan: ({ segment, totalSegments, after, limit = Infinity }) =>
      network.send(
        process,
        service,
        (): ScanPage => {
          const from = after === undefined ? undefined : textOf(after);
          const { random } = process.facts;
          const gone = happens(random, EMPTY_PAGES) ? db.gapAfter(table, from) : undefined;
          if (gone !== undefined) {
            network.note('empty page');
            const next = db.keyOf(table, gone);
            return { items: [], unreadable: [], next, readUnits: 1 };
          }
          const { items, more } = db.scan(table, { segment, totalSegments, after: from, limit });
          const last = items.at(-1);
          const goesOn = more || happens(random, EXACT_ENDS);
          const next = goesOn && last !== undefined ? keyOf(last) : undefined;
          return { items, unreadable: [], next, readUnits: 1 };
        },
        traits,
      ),
  };
}

function picked(item: Item, attributes: readonly string[]): Item {
  return Object.fromEntries(Object.entries(item).filter(([name]) => attributes.includes(name)));
}
