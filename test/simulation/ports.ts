// The production ports of one process, over the simulated network and services. Stands where the adapters
// stand, and answers as they do.

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

export function destinationPort({ process, network, db, rewrite }: PortParts): DestinationTable {
  return {
    async write(request) {
      const actual = rewrite(request, process);
      let sent: Sent | undefined;
      const execute = (one: Sent) => {
        sent = one;
        const reply = db.execute(actual, one);
        network.tell(() => `${process.facts.name}: ${describeRequest(actual)} is ${reply.kind}`);
        return reply;
      };
      const reply = await network.send(process, 'destination', execute, request);
      const result = toWriteReply(reply, actual);
      if (sent !== undefined) sent.told = result.kind === 'failed' ? result.name : result.kind;
      if (result.kind === 'failed') throw serviceError(result.name);
      return result;
    },
  };
}

/** The parts that tell requests apart. */
function describeRequest({ operation, input }: WriteRequest): string {
  const texts = JSON.stringify(input).match(/"(?:d|f|SET[^"]*|\d{4}\.\d{13}\.\d{40}~*)"/g) ?? [];
  const short = texts.map((text) => text.replace(/\d{4}\.\d{9}(\d{4})\.0*/, '$1.'));
  return `${operation} ${[...new Set(short)].join(' ')}`;
}

type Result = WriteReply | { readonly kind: 'failed'; readonly name: string };

/** What the adapter makes of a service's answer. */
export function toWriteReply(reply: Reply, { operation }: WriteRequest): Result {
  if (reply.kind === 'written') return reply;
  if (reply.kind === 'condition-failed') {
    const by = operation === 'UpdateItem' ? 'state-row' : 'item';
    return { kind: 'refused', by, item: reply.item };
  }
  const [item, stateRow] = reply.reasons;
  if (reply.reasons.some(({ code }) => code === 'ValidationError'))
    return { kind: 'failed', name: 'ValidationException' };
  if (stateRow?.code === 'ConditionalCheckFailed') return { kind: 'refused', by: 'state-row' };
  return { kind: 'refused', by: 'item', item: item?.item };
}

export function transactionPort({ process, network, db, rewrite }: PortParts): TransactionWriter {
  return {
    async transact(input) {
      const request: WriteRequest = { operation: 'TransactWriteItems', input };
      const actual = rewrite(request, process);
      const execute = (sent: Sent) => db.execute(actual, sent);
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
        const { items, more } = db.scan(table, { segment, totalSegments, after: from, limit });
        const last = items.at(-1);
        const next = more && last !== undefined ? keyOf(last) : undefined;
        return { items, unreadable: [], next, readUnits: 1 };
      }),
  };
}
