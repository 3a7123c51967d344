// What mutants of both directions are made of: requests that are left out, records that say something else.

import type { TwinReader, TwinWriter } from '../../../src/ports.ts';
import type { WriteRequest } from '../../../src/model/write-request.ts';
import type { Item } from '../memory-dynamodb.ts';
import type { Process } from '../process.ts';
import type { TwoWayMutation, Way } from './mutant.ts';

export type Stored = Exclude<WriteRequest, { operation: 'TransactWriteItems' }>;

export const isTable = ({ input }: Stored) => input.TableName?.startsWith('orders') === true;

/** Of the row of an item, and not of the control row. */
export const isTombstone = (request: Stored) =>
  request.operation === 'UpdateItem' &&
  !isTable(request) &&
  request.input.ExpressionAttributeNames?.['#own'] === 'd';

/** Requests of one way that are answered as if they had been done, or refused, and never sent. */
export const without =
  (
    way: Way,
    which: (request: Stored, process: Process) => boolean,
    kind: 'written' | 'refused' = 'written',
  ): NonNullable<TwoWayMutation['writer']> =>
  (writer, at, process) => ({
    write(request) {
      const isOut =
        at === way && request.operation !== 'TransactWriteItems' && which(request, process);
      if (!isOut) return writer.write(request);
      return Promise.resolve(kind === 'written' ? { kind } : { kind, by: 'item' });
    },
  });

/** Another request for those of one way. */
export const rewritten =
  (way: Way, change: (request: Stored, process: Process) => WriteRequest) =>
  (request: WriteRequest, at: Way, process: Process): WriteRequest =>
    at !== way || request.operation === 'TransactWriteItems' ? request : change(request, process);

/** The records of a batch as they are not. */
export const misread =
  (change: (record: RawRecord) => RawRecord): NonNullable<TwoWayMutation['replicate']> =>
  (replicate) =>
  (records, context) =>
    replicate(
      (records as readonly RawRecord[]).map((record) => change(record)),
      context,
    );

export interface RawRecord {
  readonly eventName: string;
  readonly dynamodb: {
    readonly OldImage?: Item;
    readonly NewImage?: Item;
    readonly Keys: Item;
    readonly SequenceNumber: string;
  };
}

/** A delete of the other side seen as one of this side, and the other way round. */
export const otherOrigin = (version: string) =>
  `${version.slice(0, 24)}${version[24] === '1' ? '2' : '1'}${version.slice(25)}`;

/** First the delete, and then what remembers it. */
export function tombstoneLast(writer: TwinWriter): TwinWriter {
  const waiting: WriteRequest[] = [];
  return {
    async write(request) {
      if (request.operation !== 'TransactWriteItems' && isTombstone(request)) {
        waiting.push(request);
        return { kind: 'written' };
      }
      const reply = await writer.write(request);
      if (request.operation === 'DeleteItem')
        for (const one of waiting.splice(0)) await writer.write(one);
      return reply;
    },
  };
}

/** The row of an item remembers no delete, where a batch has nothing but deletes. */
export function withoutDeletes(reader: TwinReader, process: Process): TwinReader {
  if (!process.entries.every(({ record }) => record.eventName === 'REMOVE')) return reader;
  return {
    ...reader,
    async read(request) {
      const reply = await reader.read(request);
      const forgotten = (row: Item) =>
        Object.fromEntries(Object.entries(row).filter(([name]) => name !== 'd'));
      return { ...reply, items: reply.items.map(forgotten) };
    },
  };
}

/** A delete that is remembered is done once more where it was made. */
export function deletedHere(writer: TwinWriter, process: Process): TwinWriter {
  const removal = process.entries.find(({ record }) => record.eventName === 'REMOVE');
  const Key = removal?.record.dynamodb?.Keys as Item | undefined;
  const isOut = process.facts.settings.replication === 'orders';
  return {
    async write(request) {
      const reply = await writer.write(request);
      if (request.operation !== 'UpdateItem' || !isTombstone(request)) return reply;
      if (Key === undefined) return reply;
      await writer.write({
        operation: 'DeleteItem',
        input: {
          TableName: isOut ? 'orders-east' : 'orders-west',
          Key,
          ConditionExpression: '#f.#v < :v',
          ExpressionAttributeNames: { '#f': '_ferry', '#v': 'v' },
          ExpressionAttributeValues: {
            ':v': request.input.ExpressionAttributeValues?.[':v'] ?? { S: '' },
          },
        },
      });
      return reply;
    },
  };
}

/** In the place of the first record of an unfinished run, its last one. */
export const lastOfRun: NonNullable<TwoWayMutation['replicate']> =
  (replicate) => async (records, context) => {
    const summary = await replicate(records, context);
    const failed = summary.batchItemFailures[0]?.itemIdentifier;
    const all = records as readonly RawRecord[];
    const at = all.findIndex(({ dynamodb }) => dynamodb.SequenceNumber === failed);
    const first = all[at];
    if (first === undefined || first.eventName === 'REMOVE') return summary;
    const key = JSON.stringify(first.dynamodb.Keys);
    const isOfRun = ({ eventName, dynamodb }: RawRecord) =>
      eventName !== 'REMOVE' && JSON.stringify(dynamodb.Keys) === key;
    const after = all.slice(at);
    const end = after.findIndex((one) => !isOfRun(one));
    const last = after[(end < 0 ? after.length : end) - 1] ?? first;
    return { ...summary, batchItemFailures: [{ itemIdentifier: last.dynamodb.SequenceNumber }] };
  };
