// A destination that takes everything after a fixed round trip: a process of its own, so that its time is not
// counted with the client's, and on bare sockets, because both may share the core behind two processors.
// Prints its port; ends with its parent.

import { type AddressInfo, createServer, type Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import type { BatchWriteItemInput } from '@aws-sdk/client-dynamodb';
import type { WriteRequest } from '../src/model/write-request.ts';
import { putControlRow } from '../src/model/control-item.ts';
import { CONTROL_ROW, SETTINGS } from './approach.ts';
import { unitsOfItem, unitsOfWrite } from './cost-count.ts';
import { COUNTS_PATH, type Counts } from './stub.ts';

const [roundTripMs = 0, countsUnits = 0] = process.argv.slice(2).map(Number);
const counts: { -readonly [Name in keyof Counts]: number } = { requests: 0, writeUnits: 0 };
const HEAD_END = '\r\n\r\n';
const LENGTH = /content-length: (\d+)/i;

/** With the marks of DynamoDB, which clients look for. */
const answerWith = (body: string) =>
  [
    'HTTP/1.1 200 OK',
    'content-type: application/x-amz-json-1.0',
    `x-amzn-requestid: ${'A'.repeat(52)}`,
    `x-amz-crc32: ${crc32(body)}`,
    `content-length: ${body.length}${HEAD_END}${body}`,
  ].join('\r\n');
const WRITTEN = Buffer.from(answerWith('{}'));
const OTHERS: Readonly<Record<string, Buffer>> = {
  BatchWriteItem: Buffer.from(answerWith('{"UnprocessedItems":{}}')),
  BatchGetItem: Buffer.from(answerWith('{"Responses":{},"UnprocessedKeys":{}}')),
  // Only the control row is read so.
  GetItem: Buffer.from(answerWith(controlRow())),
};
const OPERATION = /x-amz-target: DynamoDB_20120810\.(\w+)/i;

function controlRow(): string {
  const { operation, input } = putControlRow(CONTROL_ROW, SETTINGS);
  if (operation !== 'PutItem') throw new Error(`the control row is written by ${operation}`);
  return JSON.stringify({ Item: input.Item });
}

/** Requests come one after the other on a socket, each in as many pieces as the network likes. */
function serve(socket: Socket): void {
  let text = '';
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    // One character for each byte.
    text += chunk.toString('latin1');
    const headEnd = text.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const bodyStart = headEnd + HEAD_END.length;
    const head = text.slice(0, headEnd);
    const length = Number(LENGTH.exec(head)?.[1] ?? 0);
    if (text.length < bodyStart + length) return;
    const body = text.slice(bodyStart, bodyStart + length);
    text = text.slice(bodyStart + length);
    answer(socket, { head, body });
  });
}

function answer(socket: Socket, { head, body }: { head: string; body: string }): void {
  if (head.startsWith(`GET ${COUNTS_PATH}`)) {
    socket.end(answerWith(JSON.stringify(counts)));
    return;
  }
  counts.requests += 1;
  const operation = OPERATION.exec(head)?.[1] ?? '';
  if (countsUnits > 0) counts.writeUnits += unitsOf(operation, body);
  const bytes = OTHERS[operation] ?? WRITTEN;
  if (roundTripMs === 0) socket.write(bytes);
  else setTimeout(() => socket.write(bytes), roundTripMs);
}

/** Deleted items of this benchmark are all below 1 KB. */
function unitsOf(operation: string, body: string): number {
  if (operation.includes('Get')) return 0;
  const input = JSON.parse(body) as Partial<BatchWriteItemInput>;
  if (input.RequestItems === undefined) return unitsOfWrite({ operation, input } as WriteRequest);
  const puts = Object.values(input.RequestItems).flat();
  return puts.reduce((sum, { PutRequest }) => sum + unitsOfItem(PutRequest?.Item), 0);
}

const server = createServer(serve);
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.on('disconnect', () => process.exit());
