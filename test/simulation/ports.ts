// The production ports of one process, over the simulated network and services. Stands where the adapters
// stand, and answers as they do.

import { cancellation, refusal } from '../../src/adapters/write-reply.ts';
import type {
  DestinationTable,
  Item,
  ReadableTable,
  ScanPage,
  TransactionWriter,
  WriteReply,
} from '../../src/ports.ts';
import type { WriteRequest } from '../../src/core/write-request.ts';
import { type MemoryDynamoDb, type Reply, serviceError } from './memory-dynamodb.ts';
import { happens } from './random.ts';
import type { Network, Service } from './network.ts';
import type { Process, Sent } from './process.ts';

export interface PortParts {
  readonly process: Process;
  readonly network: Network;
  readonly db: MemoryDynamoDb;
  /** What a mutant makes of a request before it is sent. */
  readonly rewrite: (request: WriteRequest, process: Process) => WriteRequest;
}

const WRITE_UNITS = 1;
/** Pages of a scan without items, although others follow; and last pages that do not say so. */
const EMPTY_PAGES = 0.15;
const EXACT_ENDS = 0.3;

export function destinationPort({ process, network, db, rewrite }: PortParts): DestinationTable {
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
      const reply = await network.send(process, 'destination', execute, request);
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

export function transactionPort({ process, network, db, rewrite }: PortParts): TransactionWriter {
  return {
    async transact(input) {
      const request: WriteRequest = { operation: 'TransactWriteItems', input };
      const actual = rewrite(request, process);
      const execute = (sent: Sent) => db.execute(actual, sent, sent.cancelled);
      const reply = await network.send(process, 'destination', execute, request);
      if (reply.kind === 'written') return { kind: 'written', writeUnits: WRITE_UNITS };
      if (reply.kind === 'cancelled') return reply;
      throw new Error('a transaction is cancelled as a whole');
    },
  };
}

export interface ReaderParts extends Omit<PortParts, 'rewrite'> {
  readonly service: Service;
  readonly table: string;
  readonly keyAttribute: string;
  /** Asked at the very moment at which an item is read; what it returns is called if the answer arrives. */
  readonly onRead: (key: string) => () => void;
}

export function readerPort(parts: ReaderParts): ReadableTable {
  const { process, network, db, service, table, keyAttribute, onRead } = parts;
  const keyOf = (item: Item): Item => ({ [keyAttribute]: item[keyAttribute] ?? { NULL: true } });
  const textOf = (item: Item) => item[keyAttribute]?.S ?? '';
  return {
    keyOf,
    async get(key) {
      const text = textOf(key);
      const read = () => ({ item: db.get(table, text), remember: onRead(text) });
      const { item, remember } = await network.send(process, service, read);
      remember();
      return item;
    },
    scan: ({ segment, totalSegments, after, limit = Infinity }) =>
      network.send(process, service, (): ScanPage => {
        const from = after === undefined ? undefined : textOf(after);
        const { random } = process.facts;
        const gone = happens(random, EMPTY_PAGES) ? db.gapAfter(table, from) : undefined;
        if (gone !== undefined) {
          network.note('empty page');
          const next = { [keyAttribute]: { S: gone } };
          return { items: [], unreadable: [], next, readUnits: 1 };
        }
        const { items, more } = db.scan(table, { segment, totalSegments, after: from, limit });
        const last = items.at(-1);
        const goesOn = more || happens(random, EXACT_ENDS);
        const next = goesOn && last !== undefined ? keyOf(last) : undefined;
        return { items, unreadable: [], next, readUnits: 1 };
      }),
  };
}
