// A destination that takes everything after a fixed round trip: a process of its own, so that its time is not
// counted with the client's. Prints its port; ends with its parent.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const roundTripMs = Number(process.argv[2] ?? '0');
const ANSWER = '{"UnprocessedItems":{}}';
const HEADERS = { 'content-type': 'application/x-amz-json-1.0', 'content-length': ANSWER.length };

const server = createServer((request, response) => {
  const answer = () => {
    response.writeHead(200, HEADERS);
    response.end(ANSWER);
  };
  request.resume();
  request.on('end', () => {
    if (roundTripMs === 0) answer();
    else setTimeout(answer, roundTripMs);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.on('disconnect', () => process.exit());
