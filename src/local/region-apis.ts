// Lambda and CloudWatch of the source's Region on loopback, so that Ferry's commands work on a local replication as
// they do on a deployed one. What they do not use is refused by name.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describeError } from '../errors.ts';
import type { Clock } from '../ports.ts';
import { answerMetricData, type MetricSource } from './cloudwatch/cloudwatch-api.ts';
import { answerLambda, type ApiAnswer, type LambdaApiState } from './lambda/lambda-api.ts';

export interface RegionApisOptions {
  readonly lambda: LambdaApiState;
  readonly metrics: MetricSource;
  readonly clock: Pick<Clock, 'now'>;
}

export interface RegionApis {
  readonly endpoint: string;
  /** Closes every connection. */
  stop(): Promise<void>;
}

/** A request of either service is far smaller. */
const REQUEST_BYTES_MAX = 1024 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;

export async function startRegionApis(options: RegionApisOptions): Promise<RegionApis> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    void serve(request, response, options);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Never rejects. */
async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  options: RegionApisOptions,
): Promise<void> {
  // A connection that broke is no failure of the server.
  response.on('error', () => undefined);
  try {
    send(response, answerOf(request, await textOf(request), options));
  } catch (error) {
    const body = { __type: 'ValidationException', message: describeError(error) };
    send(response, { status: 400, body, errorType: 'ValidationException' });
  }
}

function answerOf(
  { method = '', url: path = '/', headers }: IncomingMessage,
  text: string,
  { lambda, metrics, clock }: RegionApisOptions,
): ApiAnswer {
  const target = String(headers['x-amz-target'] ?? '');
  if (target.endsWith('.GetMetricData')) {
    return { status: 200, body: answerMetricData(text, metrics) };
  }
  const answer =
    target === '' ? answerLambda({ method, path, text }, lambda, clock.now()) : undefined;
  return answer ?? unknown(target === '' ? `${method} ${path}` : target);
}

function unknown(what: string): ApiAnswer {
  const message = `ferry local does not have ${what}`;
  const errorType = 'UnknownOperationException';
  return { status: 400, body: { __type: errorType, message, Message: message }, errorType };
}

function send(response: ServerResponse, { status, body, errorType }: ApiAnswer): void {
  if (errorType !== undefined) response.setHeader('x-amzn-errortype', errorType);
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
  response.end(JSON.stringify(body));
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > REQUEST_BYTES_MAX)
      throw new Error(`a request must not exceed ${REQUEST_BYTES_MAX} B`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
