// The port of a process, asked in ways that no client of good manners asks.

import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, it } from 'vitest';
import { openRunEndpoint, type RunEndpoint } from '../../src/composition/run-endpoint.ts';

let endpoint: RunEndpoint;

afterEach(() => endpoint.close());

it('answers targets that are no URL, and goes on', async () => {
  const page = { host: '127.0.0.1', port: 0, health: () => [], metrics: () => 'page\n' };
  endpoint = await openRunEndpoint(page);
  const ask = async (target: string) => {
    const socket = connect(endpoint.port, endpoint.host);
    await once(socket, 'connect');
    socket.end(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    return (await text(socket)).split('\r\n')[0];
  };

  for (const target of ['//', 'http://[', '/%', '/nothing'])
    expect(await ask(target)).toBe('HTTP/1.1 404 Not Found');
  expect(await ask('/metrics?name=1')).toBe('HTTP/1.1 200 OK');
  expect(await ask('/healthz')).toBe('HTTP/1.1 200 OK');
});
