// Requests to one DynamoDB endpoint, signed here and carried by undici, which takes a tenth of the SDK's
// processor time. Holds one time limit for the whole exchange, and copes with clocks that are wrong.

import type { Dispatcher } from 'undici';
import { partitionOf } from '../../config/partition.ts';
import { namedError } from '../../errors.ts';
import type { Clock } from '../../ports.ts';
import { type Credentials, type CredentialSource, withoutKeys } from '../access.ts';
import { REFUSALS } from '../credential-source.ts';
import {
  AGAIN_MS_MIN,
  credentialsWithin,
  lateCredentials,
  LEAST_MS,
  timeLimit,
} from '../time-limit.ts';
import { requestSigner, type SignableRequest } from './sigv4.ts';
import type { RawAnswer } from './service-answer.ts';
import { type Socket, Sockets } from './sockets.ts';

export interface SignedRequestsOptions {
  readonly region: string;
  readonly endpoint: string;
  readonly credentials: CredentialSource;
  /** Sockets at most; one request each. */
  readonly concurrency: number;
  /** Time for the whole exchange, waiting for a socket included. */
  readonly timeoutMs: number;
  readonly clock: Pick<Clock, 'now'>;
}

/** What the service has answered. */
export type Answer = RawAnswer;

export interface SignedRequests {
  /**
   * @param target such as DynamoDB_20120810.PutItem.
   * Rejects with the network's error, or a TimeoutError; the request may have been applied then.
   */
  send(target: string, body: string): Promise<Answer>;
  close(): Promise<void>;
}

/** DynamoDB rejects a signature whose time is off by more than five minutes. */
const SKEW_MS_MIN = 4 * 60_000;
const SKEWED: ReadonlySet<string> = new Set([
  'InvalidSignatureException',
  'RequestExpired',
  'RequestTimeTooSkewed',
]);

export function signedRequests(options: SignedRequestsOptions): SignedRequests {
  const { region, endpoint, credentials, timeoutMs, clock, concurrency } = options;
  const { origin, host } = new URL(endpoint);
  const sign = requestSigner({ region, service: 'dynamodb', host });
  const sockets = new Sockets({ origin, most: concurrency });
  let skewMs = 0;
  const signedBy = (who: Credentials, request: SignableRequest) =>
    sign(request, who, clock.now() + skewMs);
  /** @returns who shall sign once more, after an answer that says that nothing else was looked at. */
  const corrected = async (name: string, { who, usedMs, date, leftMs }: Refused) => {
    const foundMs = Date.parse(date) - clock.now();
    if (SKEWED.has(name) && Math.abs(foundMs - usedMs) > SKEW_MS_MIN) {
      skewMs = foundMs;
      return who;
    }
    if (!REFUSALS.has(name)) return undefined;
    const areOthers = await credentialsWithin(credentials.refused(who), leftMs());
    return areOthers ? credentialsWithin(credentials.get(), leftMs()) : undefined;
  };
  return {
    async send(target, text) {
      const request = { target, body: Buffer.from(text) };
      const leftMs = timeLimit(timeoutMs, clock);
      const found = credentials.get();
      const isKnown = !(found instanceof Promise);
      // Nearly always they are known, and there is nothing to wait for.
      const who = isKnown ? found : await credentialsWithin(found, timeoutMs);
      const withinMs = isKnown ? timeoutMs : leftMs();
      if (withinMs < LEAST_MS) throw lateCredentials(timeoutMs);
      const usedMs = skewMs;
      const outgoing = { headers: signedBy(who, request), body: request.body, withinMs };
      const first = await exchange(outgoing, sockets, clock);
      const name = refusalIn(first);
      if (name === undefined) return first;
      const next = await corrected(name, { who, usedMs, date: first.date, leftMs });
      const againMs = leftMs();
      if (next === undefined || againMs < AGAIN_MS_MIN) return withoutItsKeys(first, who);
      const again = { ...outgoing, headers: signedBy(next, request), withinMs: againMs };
      const second = await exchange(again, sockets, clock);
      return refusalIn(second) === undefined ? second : withoutItsKeys(second, next);
    },
    close: () => sockets.close(),
  };
}

interface Refused {
  readonly who: Credentials;
  readonly usedMs: number;
  readonly date: string;
  readonly leftMs: () => number;
}

/** Of an item, quotation marks would be escaped. */
const ERROR_NAME = /"__type"\s*:\s*"(?:[^"]*#)?(\w+)"/;

/** Only the service itself can say that a request was not applied: what has no request id may say anything. */
function refusalIn({ status, requestId, body }: Answer): string | undefined {
  if (status < 400 || requestId === '') return undefined;
  const name = ERROR_NAME.exec(body)?.[1] ?? '';
  return SKEWED.has(name) || REFUSALS.has(name) ? name : undefined;
}

/** Then its checksum is not that of its body any more. */
function withoutItsKeys(answer: Answer, who: Credentials): Answer {
  return { ...answer, checksum: '', body: withoutKeys(answer.body, who) };
}

interface OutgoingRequest {
  readonly headers: string[];
  readonly body: Buffer;
  readonly withinMs: number;
}

interface DatedAnswer extends Answer {
  readonly date: string;
}

function exchange(
  { headers, body, withinMs }: OutgoingRequest,
  sockets: Sockets,
  clock: Pick<Clock, 'now'>,
): Promise<DatedAnswer> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let late: Error | undefined;
    const startMs = clock.now();
    const timer = setTimeout(() => {
      late = timeoutError(withinMs);
      controller?.abort(late);
      reject(late);
    }, withinMs);
    const send = (socket: Socket) => {
      const ended = () => {
        clearTimeout(timer);
        sockets.giveBack(socket, clock.now());
      };
      // It has waited for a socket too long, and its caller has been rejected: it must not be sent any more.
      if (late !== undefined) return ended();
      // Nearly too long: the timer will say so.
      if (clock.now() - startMs > withinMs - LEAST_MS) return sockets.giveBack(socket, clock.now());
      const started = (its: Dispatcher.DispatchController) => {
        controller = its;
        // Connecting has taken too long.
        if (late !== undefined) its.abort(late);
      };
      const request = { path: '/', method: 'POST', headers, body } as const;
      const settled = (answer: DatedAnswer) => {
        ended();
        resolve(answer);
      };
      const failed = (error: Error) => {
        ended();
        reject(error);
      };
      socket.dispatch(request, collector({ started, settled, failed }));
    };
    sockets.take(send, startMs);
  });
}

interface Listener {
  readonly started: (controller: Dispatcher.DispatchController) => void;
  readonly settled: (answer: DatedAnswer) => void;
  readonly failed: (error: Error) => void;
}

/** Puts an answer together from its parts. */
function collector({ started, settled, failed }: Listener): Dispatcher.DispatchHandler {
  let status = 0;
  let [date, requestId, checksum] = ['', '', ''];
  const chunks: Buffer[] = [];
  return {
    onRequestStart: started,
    onResponseStart(_, statusCode, received) {
      status = statusCode;
      date = String(received['date'] ?? '');
      requestId = String(received['x-amzn-requestid'] ?? '');
      checksum = String(received['x-amz-crc32'] ?? '');
    },
    onResponseData(_, chunk) {
      chunks.push(chunk);
    },
    onResponseEnd: () => settled({ status, date, requestId, checksum, body: textOf(chunks) }),
    onResponseError: (_, error) => failed(error),
  };
}

function textOf(chunks: readonly Buffer[]): string {
  const [only] = chunks;
  if (only === undefined) return '';
  return chunks.length === 1 ? only.toString() : Buffer.concat(chunks).toString();
}

function timeoutError(ms: number): Error {
  return namedError('TimeoutError', `no answer within ${ms} ms`);
}

/** The Region's own. */
export function dynamoDbEndpoint(region: string): string {
  return `https://dynamodb.${region}.${partitionOf(region).dnsSuffix}`;
}
