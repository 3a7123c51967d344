// A local stand-in for an AWS service as a function from requests to answers, behind a server on loopback.
// Every request gets an answer, also one that the service fails on.

import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { readBody, startLoopbackServer } from './server.ts';

export interface ServiceRequest {
  readonly id: string;
  readonly method: string;
  /** Path and query, as they came. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Aborts when the caller is gone or the server stops. */
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

export interface Service {
  /** Such as "the local SQS". */
  readonly name: string;
  readonly bodyBytesMax: number;
  perform(request: ServiceRequest): Answer | Promise<Answer>;
  /** The answer to a request that `perform` has thrown for, or whose body is too long. */
  refuse(error: unknown, request: ServiceRequest): Answer;
  /** The error for a body of `size` bytes. */
  tooLong(size: number): Error;
}

export interface ServiceOptions {
  /** @default a free port. */
  readonly port?: number | undefined;
  /** Epoch milliseconds. @default the system clock. */
  readonly now?: (() => number) | undefined;
}

export interface ServiceServer {
  readonly endpoint: string;
  /** Ends requests that wait, lets their answers leave, and closes every connection. Safe to repeat. */
  stop(): Promise<void>;
}

/** @throws FerryError `local.port.in-use`. */
export async function serve(service: Service, port?: number): Promise<ServiceServer> {
  const stopping = new AbortController();
  const server = await startLoopbackServer({
    port,
    name: service.name,
    onRequest: (request, response) => void exchange(request, response, service, stopping.signal),
  });
  return {
    endpoint: server.endpoint,
    stop() {
      stopping.abort();
      return server.stop();
    },
  };
}

/** Never rejects. */
async function exchange(
  message: IncomingMessage,
  response: ServerResponse,
  service: Service,
  stopping: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  const abort = () => gone.abort();
  response.once('close', abort);
  stopping.addEventListener('abort', abort);
  // A connection that broke is not a failure of the server.
  response.on('error', abort);
  const { method = '', url: target = '/', headers } = message;
  const head = { id: randomUUID(), method, target, headers, signal: gone.signal };
  let request: ServiceRequest = { ...head, body: Buffer.alloc(0) };
  try {
    const { bytes, size } = await readBody(message, service.bodyBytesMax);
    if (bytes === undefined) throw service.tooLong(size);
    request = { ...head, body: bytes };
    if (stopping.aborted || message.socket.destroyed) abort();
    send(response, await service.perform(request));
  } catch (error) {
    send(response, service.refuse(error, request));
  } finally {
    stopping.removeEventListener('abort', abort);
  }
}

function send(response: ServerResponse, { status, headers = {}, body }: Answer): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.end(body);
}
