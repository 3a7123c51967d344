// A destination that takes everything after a fixed round trip: a process of its own, so that its time is not
// counted with the client's, and on bare sockets, because both may share the core behind two processors.
// Prints its port; ends with its parent.

import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Item } from '../src/core/attribute-value.ts';
import { itemSizeBytes, writeUnits } from '../src/core/capacity.ts';
import { COUNTS_PATH, type Counts } from './stub.ts';

const [roundTripMs = 0, countsUnits = 0] = process.argv.slice(2).map(Number);
const counts: { -readonly [Name in keyof Counts]: number } = { requests: 0, writeUnits: 0 };
const HEAD_END = '\r\n\r\n';
const LENGTH = /content-length: (\d+)/i;

const answerWith = (body: string) =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: ${body.length}${HEAD_END}${body}`;
const WRITTEN = Buffer.from(answerWith('{"UnprocessedItems":{}}'));

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
  if (countsUnits > 0) counts.writeUnits += unitsOf(JSON.parse(body) as Body);
  if (roundTripMs === 0) socket.write(WRITTEN);
  else setTimeout(() => socket.write(WRITTEN), roundTripMs);
}

interface Body {
  readonly Item?: Item;
  readonly RequestItems?: Record<string, ReadonlyArray<{ readonly PutRequest: { Item: Item } }>>;
}

/** State rows and deleted items of this benchmark are all below 1 KB. */
function unitsOf({ Item: item, RequestItems = {} }: Body): number {
  if (item !== undefined) return writeUnits(itemSizeBytes(item));
  const puts = Object.values(RequestItems).flat();
  if (puts.length === 0) return 1;
  return puts.reduce((sum, { PutRequest }) => sum + writeUnits(itemSizeBytes(PutRequest.Item)), 0);
}

const server = createServer(serve);
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.on('disconnect', () => process.exit());
