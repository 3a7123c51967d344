// A destination that takes everything after a fixed round trip: a process of its own, so that its time is not
// counted with the client's. Prints its port; ends with its parent.

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { itemSizeBytes, writeUnits } from '../src/core/capacity.ts';
import type { Item } from '../src/core/attribute-value.ts';
import { COUNTS_PATH, type Counts } from './stub.ts';

const [roundTripMs = 0, countsUnits = 0] = process.argv.slice(2).map(Number);
const ANSWER = '{"UnprocessedItems":{}}';
const HEADERS = { 'content-type': 'application/x-amz-json-1.0', 'content-length': ANSWER.length };
const counts: { -readonly [Name in keyof Counts]: number } = { requests: 0, writeUnits: 0 };

const server = createServer((request, response) => {
  if (request.url === COUNTS_PATH) {
    response.end(JSON.stringify(counts));
    return;
  }
  counts.requests += 1;
  let body = '';
  if (countsUnits > 0) request.on('data', (chunk: Buffer) => (body += chunk.toString()));
  else request.resume();
  request.on('end', () => {
    if (countsUnits > 0) counts.writeUnits += unitsOf(JSON.parse(body) as Body);
    if (roundTripMs === 0) answer(response);
    else setTimeout(answer, roundTripMs, response);
  });
});

function answer(response: ServerResponse): void {
  response.writeHead(200, HEADERS);
  response.end(ANSWER);
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

server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.on('disconnect', () => process.exit());
