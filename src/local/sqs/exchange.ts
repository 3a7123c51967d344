// One HTTP exchange with the local SQS, in AWS JSON 1.0: reads a request, has it performed, answers with
// the result or the refusal. Whatever comes in, something well-formed goes out.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describeError } from '../../errors.ts';
import { SqsError } from './error.ts';
import { parseBody } from './input.ts';
import { MESSAGE_BYTES_MAX } from './message.ts';
import { perform } from './operations.ts';
import type { SqsQueues } from './queues.ts';

/**
 * Largest request body. JSON spells a byte of a message in six characters at most (`\u0041`), so every
 * batch that the service takes fits, with room for names, ids and brackets.
 */
const BODY_BYTES_MAX = 6 * MESSAGE_BYTES_MAX + 65_536;

const TARGET_PREFIX = 'AmazonSQS.';

interface ExchangeOptions {
  readonly queues: SqsQueues;
  /** Aborts when the server stops: waiting requests are answered at once. */
  readonly stopping: AbortSignal;
}

/** Resolves when the answer has been handed to the network or the caller is gone; never rejects. */
export async function exchange(
  request: IncomingMessage,
  response: ServerResponse,
  options: ExchangeOptions,
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    response.once('close', resolve);
    // A connection that broke is no failure of the server.
    response.on('error', () => resolve());
  });
  try {
    send(response, 200, await result(request, response, options));
  } catch (error) {
    refuse(response, asRefusal(error));
  }
  await closed;
}

async function result(
  request: IncomingMessage,
  response: ServerResponse,
  { queues, stopping }: ExchangeOptions,
): Promise<object> {
  const body = await readBody(request);
  const target = String(request.headers['x-amz-target'] ?? '');
  const operation = target.startsWith(TARGET_PREFIX) ? target.slice(TARGET_PREFIX.length) : '';
  // A message handed to a caller that is gone would stay hidden for its visibility timeout.
  const gone = new AbortController();
  const abort = () => gone.abort();
  response.once('close', abort);
  stopping.addEventListener('abort', abort);
  if (stopping.aborted || request.socket.destroyed) abort();
  try {
    const context = { queues, region: signedRegion(request), signal: gone.signal };
    return await perform(operation, parseBody(body), context);
  } finally {
    stopping.removeEventListener('abort', abort);
  }
}

async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    // Too large a body is still read to its end, though not kept: a client that is cut off while it
    // sends would see a broken connection, not the reason.
    if (size <= BODY_BYTES_MAX) chunks.push(chunk);
    else chunks.length = 0;
  }
  if (size <= BODY_BYTES_MAX) return Buffer.concat(chunks);
  throw new SqsError(
    'RequestEntityTooLargeException',
    `The request body must not be longer than ${BODY_BYTES_MAX} bytes, got ${size}.`,
  );
}

/** Region in the signature's scope; signatures are not checked. */
function signedRegion(request: IncomingMessage): string {
  const scope = /Credential=[^/]+\/\d{8}\/([\w-]+)\/sqs\//.exec(
    request.headers.authorization ?? '',
  );
  return scope?.[1] ?? 'local';
}

function asRefusal(error: unknown): SqsError {
  return error instanceof SqsError ? error : new SqsError('InternalFailure', describeError(error));
}

function refuse(response: ServerResponse, error: SqsError): void {
  const fault = error.status < 500 ? 'Sender' : 'Receiver';
  response.setHeader('x-amzn-query-error', `${error.queryCode};${fault}`);
  send(response, error.status, { __type: error.type, message: error.message });
}

function send(response: ServerResponse, status: number, body: object): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.0',
    'content-length': bytes.length,
    'x-amzn-requestid': randomUUID(),
  });
  response.end(bytes);
}
