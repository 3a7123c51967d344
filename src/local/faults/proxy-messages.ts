// Requests and answers as they pass through the fault proxy: read whole, handed on byte for byte, or made up.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { crc32 } from 'node:zlib';
import { readBody } from '../loopback/server.ts';
import type { Refusal } from './faults.ts';

/** A request of DynamoDB is no longer. */
const REQUEST_BYTES_MAX = 16 * 1024 * 1024;
/** An answer of 16 MiB, with its binary values in Base64 and room for names and quotes. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** A request as it came: nothing in it is changed. */
export interface Call {
  readonly method: string;
  readonly path: string;
  /** Names and values in turn, in their order and spelling. */
  readonly headers: readonly string[];
  readonly operation: string;
  readonly body: Buffer;
}

export interface Reply {
  readonly status: number;
  readonly statusMessage: string;
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** Headers about one connection, not about the message; and `expect`, which was answered here. */
const HOP_BY_HOP = [
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** The host stays as the client has signed it. */
function endToEnd({ rawHeaders, headers }: IncomingMessage): string[] {
  const named = (headers.connection ?? '').toLowerCase().split(',');
  const dropped = new Set([...HOP_BY_HOP, ...named.map((name) => name.trim())]);
  const nameAt = (index: number) => rawHeaders[index - (index % 2)] ?? '';
  return rawHeaders.filter((_, index) => !dropped.has(nameAt(index).toLowerCase()));
}

/** `broken`: the client left before it had said all. */
export async function readCall(request: IncomingMessage): Promise<Call | 'broken' | 'too-large'> {
  const body = await read(request, REQUEST_BYTES_MAX);
  return typeof body === 'string' ? body : toCall(request, body);
}

function toCall(request: IncomingMessage, body: Buffer): Call {
  const target = String(request.headers['x-amz-target'] ?? '');
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: endToEnd(request),
    operation: target.slice(target.lastIndexOf('.') + 1),
    body,
  };
}

/** Undefined where the answer broke off. */
export async function toReply(response: IncomingMessage): Promise<Reply | undefined> {
  const body = await read(response, ANSWER_BYTES_MAX);
  if (typeof body === 'string') return undefined;
  const { statusCode: status = 0, statusMessage = '' } = response;
  return { status, statusMessage, headers: endToEnd(response), body };
}

export const TOO_LARGE: Refusal = {
  status: 413,
  type: 'com.amazon.coral.service#RequestEntityTooLargeException',
  message: `The request body must not be longer than ${REQUEST_BYTES_MAX} bytes.`,
};

export function refused({ status, type, message }: Refusal): Reply {
  const body = Buffer.from(JSON.stringify({ __type: type, message }));
  const headers = {
    'content-type': 'application/x-amz-json-1.0',
    'content-length': String(body.length),
    'x-amzn-requestid': randomUUID(),
    'x-amz-crc32': String(crc32(body)),
  };
  return { status, statusMessage: '', headers: Object.entries(headers).flat(), body };
}

async function read(
  message: IncomingMessage,
  bytesMax: number,
): Promise<Buffer | 'broken' | 'too-large'> {
  try {
    return (await readBody(message, bytesMax)).bytes ?? 'too-large';
  } catch {
    // Only the connection can fail here.
    return 'broken';
  }
}
