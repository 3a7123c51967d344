// `ferry run` between real engines, behind services that fail at times and repeat in their answers what they were sent:
// its log, its port and its metrics tell names and counts, never an item and never a credential.

import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { contents, openTwoRegions, putAll, type TwoRegions } from '../fixtures/two-regions.ts';

const CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'AKIAMARKOFACCESS',
  AWS_SECRET_ACCESS_KEY: 'mark/of/the/secret',
  AWS_SESSION_TOKEN: 'mark+of+the+session',
};
const MARKS = ['KEYMARK', 'VALUEMARK', 'NAMEMARK', ...Object.values(CREDENTIALS)];

let regions: TwoRegions;
const servers: Server[] = [];
beforeEach(async () => {
  regions = await openTwoRegions();
  for (const [name, value] of Object.entries(CREDENTIALS)) vi.stubEnv(name, value);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  await regions.close();
});

interface Failure {
  readonly status: number;
  readonly type: string;
}

/** Passes requests on, but for those that fail: with a message that has the whole request in it. */
async function echoing(
  upstream: string,
  failureOf: (target: string, body: string) => Failure | undefined,
): Promise<string> {
  const server = createServer((request, response) => {
    const answer = async () => {
      const body = await buffer(request);
      const target = String(request.headers['x-amz-target']).replace(/^.*\./, '');
      const failure = failureOf(target, body.toString());
      if (failure !== undefined) {
        const message = `${body.toString()} ${JSON.stringify(request.headers)}`;
        const said = JSON.stringify({ __type: `x#${failure.type}`, message });
        response.writeHead(failure.status, {
          'content-type': 'application/x-amz-json-1.0',
          'x-amzn-requestid': 'BUO7GBSC1JCE4LR4BE4NS8QTVRVV4KQNSO5AEMVJF66Q9ASUAAJG',
          'x-amz-crc32': String(crc32(said)),
        });
        response.end(said);
        return;
      }
      const { method, headers } = request;
      const passed = httpRequest(upstream, { method, headers }, (reply) => {
        response.writeHead(reply.statusCode ?? 500, reply.headers);
        reply.pipe(response);
      });
      passed.on('error', () => response.destroy());
      passed.end(body);
    };
    void answer();
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Each first request of an operation about these fails, and so do three writes of each item that asks for it. */
function failures() {
  const seen = new Map<string, number>();
  const isEarly = (what: string, times: number) => {
    seen.set(what, (seen.get(what) ?? 0) + 1);
    return (seen.get(what) ?? 0) <= times;
  };
  return (target: string, body: string): Failure | undefined => {
    const fault = /"fault":\{"S":"(\w+)"/.exec(body)?.[1];
    if (fault === 'invalid') return { status: 400, type: 'ValidationException' };
    if (fault !== undefined && isEarly(fault, 3)) return { status: 400, type: fault };
    const row = /#(lease|position|source)/.exec(body)?.[1];
    if (row !== undefined && target === 'PutItem' && isEarly(row, 1))
      return { status: 400, type: 'ProvisionedThroughputExceededException' };
    const isStream = /^(GetRecords|GetShardIterator|DescribeStream)$/.test(target);
    if (isStream && isEarly(target, 2)) return { status: 400, type: 'AccessDeniedException' };
    return undefined;
  };
}

const item = (name: string, fault: string) => ({
  pk: { S: `KEYMARK-${name}` },
  fault: { S: fault },
  NAMEMARK: { M: { NAMEMARK: { L: [{ S: 'VALUEMARK' }] } } },
});

it('tells what went wrong, and nothing of any item or credential', async () => {
  const failureOf = failures();
  const { replications } = JSON.parse(readFileSync(regions.config, 'utf8')) as {
    replications: Array<{ source: object; destination: object }>;
  };
  const cloudwatch = await echoing('http://127.0.0.1:1', () => ({
    status: 400,
    type: 'Throttling',
  }));
  const source = {
    ...replications[0]?.source,
    endpoint: await echoing(regions.source.endpoint, failureOf),
    endpoints: { cloudwatch },
  };
  const destination = {
    ...replications[0]?.destination,
    endpoint: await echoing(regions.destination.endpoint, failureOf),
  };
  const config = join(regions.directory, 'run.json');
  const replication = { ...replications[0], tombstones: 'strict', source, destination };
  writeFileSync(config, JSON.stringify({ replications: [replication] }));
  const faults = ['AccessDeniedException', 'ThrottlingException', 'ResourceNotFoundException'];
  await putAll(regions.source, 'Orders', [
    item('whole', 'none'),
    item('bad', 'invalid'),
    ...faults.map((fault) => item(fault, fault)),
  ]);
  const said: string[] = [];
  const stop = new AbortController();
  const running = main(
    [
      'run',
      '--config',
      config,
      '--letters',
      join(regions.directory, 'letters'),
      '--listen',
      '127.0.0.1:0',
      '--metrics',
      'cloudwatch',
    ],
    {
      out: (line) => said.push(line),
      err: (line) => said.push(line),
      status: () => undefined,
      isTerminal: false,
      environment: CREDENTIALS,
      interrupted: stop.signal,
    },
  );

  await expect
    .poll(async () => (await contents(regions.destination, 'Orders')).size)
    .toBe(1 + faults.length);
  const port = /"event":"run.listening".*"port":(\d+)/.exec(said.join('\n'))?.[1] ?? '';
  said.push(await (await fetch(`http://127.0.0.1:${port}/healthz`)).text());
  stop.abort();

  expect(await running).toBe(0);
  const told = said.join('\n');
  const causes = ['stream.problem', 'AccessDeniedException', 'batch.troubled', 'metrics.unsent'];
  expect(causes.filter((cause) => !told.includes(cause))).toEqual([]);
  for (const mark of MARKS) expect(said.filter((line) => line.includes(mark))).toEqual([]);
});
