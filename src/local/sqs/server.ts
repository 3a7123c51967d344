// A local SQS on loopback that the SDK's client works against unchanged, in AWS JSON 1.0. Its queues live in
// memory and end with it.

import { describeError } from '../../errors.ts';
import { type Answer, serve, type Service, type ServiceRequest } from '../loopback/service.ts';
import { SqsError } from './error.ts';
import { parseBody } from './input.ts';
import { perform } from './operations.ts';
import { RANGES } from './queue-settings.ts';
import { queueUrl, SqsQueues } from './queues.ts';

interface SqsServerOptions {
  /** @default a free port. */
  readonly port?: number | undefined;
  /** Epoch milliseconds. @default the system clock. */
  readonly now?: (() => number) | undefined;
}

export interface SqsServer {
  readonly endpoint: string;
  /** URL of the queue `name`, whether it exists yet or not. */
  queueUrl(name: string): string;
  /**
   * Ends the delays of all messages in the queue `name`: for a test or a demonstration that cannot wait.
   * @throws SqsError `QueueDoesNotExist`.
   */
  hasten(name: string): void;
  /**
   * When the oldest message in the queue `name` was sent; undefined where it is empty.
   * @throws SqsError `QueueDoesNotExist`.
   */
  oldestSentAtMs(name: string): number | undefined;
  /** Ends long polls at once, with no message, and closes every connection. Safe to repeat. */
  stop(): Promise<void>;
}

/**
 * JSON spells a byte of a message in six characters at most (`\u0041`), so every message fits, with room for names
 * and brackets.
 */
const BODY_BYTES_MAX = 6 * RANGES.MaximumMessageSize[1] + 65_536;

const TARGET_PREFIX = 'AmazonSQS.';

/** @throws FerryError `local.port.in-use`. */
export async function startSqsServer({
  port,
  now = Date.now,
}: SqsServerOptions = {}): Promise<SqsServer> {
  const queues = new SqsQueues(now);
  const server = await serve(serviceOf(queues), port);
  const { endpoint } = server;
  return {
    endpoint,
    queueUrl: (name) => queueUrl(endpoint, name),
    hasten: (name) => queues.get(name).hasten(),
    oldestSentAtMs: (name) => queues.get(name).oldestSentAtMs(),
    stop: () => server.stop(),
  };
}

function serviceOf(queues: SqsQueues): Service {
  return {
    name: 'the local SQS',
    bodyBytesMax: BODY_BYTES_MAX,
    async perform(request) {
      const { headers, signal } = request;
      const target = String(headers['x-amz-target'] ?? '');
      const operation = target.startsWith(TARGET_PREFIX) ? target.slice(TARGET_PREFIX.length) : '';
      const endpoint = `http://${headers.host ?? ''}`;
      const context = { queues, endpoint, region: signedRegion(request), signal };
      return json(request, 200, await perform(operation, parseBody(request.body), context));
    },
    refuse(thrown, request) {
      const error =
        thrown instanceof SqsError
          ? thrown
          : new SqsError('InternalFailure', describeError(thrown));
      const fault = error.status < 500 ? 'Sender' : 'Receiver';
      const { status, headers, body } = json(request, error.status, {
        __type: error.type,
        message: error.message,
      });
      const code = { 'x-amzn-query-error': `${error.queryCode};${fault}` };
      return { status, headers: { ...headers, ...code }, body };
    },
    tooLong: (size) =>
      new SqsError(
        'RequestEntityTooLargeException',
        `The request body must not be longer than ${BODY_BYTES_MAX} bytes, got ${size}.`,
      ),
  };
}

function json({ id }: ServiceRequest, status: number, body: object) {
  const headers = { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-requestid': id };
  return { status, headers, body: JSON.stringify(body) } satisfies Answer;
}

/** Region in the signature's scope; signatures are not checked. */
function signedRegion({ headers }: ServiceRequest): string {
  const scope = /Credential=[^/]+\/\d{8}\/([\w-]+)\/sqs\//.exec(headers.authorization ?? '');
  return scope?.[1] ?? 'local';
}
