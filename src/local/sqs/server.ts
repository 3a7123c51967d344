// A local SQS on loopback that the SDK's client works against unchanged, in AWS JSON 1.0. Its queues live in
// memory and end with it.

import { describeError } from '../../errors.ts';
import {
  type Answer,
  serve,
  type Service,
  type ServiceOptions,
  type ServiceRequest,
  type ServiceServer,
} from '../loopback/service.ts';
import { SqsError } from './error.ts';
import { parseBody } from './input.ts';
import { perform } from './operations.ts';
import type { SqsQueue } from './queue.ts';
import { RANGES } from './queue-settings.ts';
import { queueUrl, SqsQueues } from './queues.ts';

export interface SqsServer extends ServiceServer {
  /** URL of the queue `name`, whether it exists yet or not. */
  queueUrl(name: string): string;
  /**
   * What SQS cannot do or say, for a test or a demonstration.
   * @throws SqsError `QueueDoesNotExist`.
   */
  queue(name: string): Pick<SqsQueue, 'hasten' | 'oldestSentAtMs'>;
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
}: ServiceOptions = {}): Promise<SqsServer> {
  const queues = new SqsQueues(now);
  const server = await serve(serviceOf(queues), port);
  return {
    ...server,
    queueUrl: (name) => queueUrl(server.endpoint, name),
    queue: (name) => queues.get(name),
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
