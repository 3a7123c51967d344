// Requests to one DynamoDB endpoint, signed here and carried by undici, which takes a tenth of the SDK's
// processor time. Holds one time limit for the whole exchange, and copes with clocks that are wrong.

import type { Dispatcher } from 'undici';
import { partitionOf } from '../../config/partition.ts';
import type { Clock } from '../../ports.ts';
import type { CredentialSource } from './signing-credentials.ts';
import { requestSigner, type SignableRequest, type SigningCredentials } from './sigv4.ts';
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
const SKEWED = /"(?:[^"]*#)?(?:InvalidSignatureException|RequestExpired|RequestTimeTooSkewed)"/;

/** No answer comes sooner: with less time left, a request is not sent any more. */
const LEAST_MS = 10;

export function signedRequests(options: SignedRequestsOptions): SignedRequests {
  const { region, endpoint, credentials, timeoutMs, clock, concurrency } = options;
  const { origin, host } = new URL(endpoint);
  const sign = requestSigner({ region, service: 'dynamodb', host });
  const sockets = new Sockets({ origin, most: concurrency });
  let skewMs = 0;
  const signedBy = (who: SigningCredentials, request: SignableRequest) =>
    sign(request, who, clock.now() + skewMs);
  return {
    async send(target, text) {
      const request = { target, body: Buffer.from(text) };
      const leftMs = timeLimit(timeoutMs, clock);
      const found = credentials();
      const isKnown = !(found instanceof Promise);
      // In Lambda they are known, and there is nothing to wait for.
      const who = isKnown ? found : await inTime(found, timeoutMs);
      const withinMs = isKnown ? timeoutMs : leftMs();
      if (withinMs < LEAST_MS) throw lateCredentials(timeoutMs);
      const usedMs = skewMs;
      const outgoing = { headers: signedBy(who, request), body: request.body, withinMs };
      const first = await exchange(outgoing, sockets, clock);
      if (!isSkewed(first)) return first;
      const foundMs = Date.parse(first.date) - clock.now();
      if (!(Math.abs(foundMs - usedMs) > SKEW_MS_MIN)) return first;
      // Refused before anything else was looked at: it has surely not been applied.
      skewMs = foundMs;
      const againMs = leftMs();
      if (againMs < AGAIN_MS_MIN) return first;
      const again = { ...outgoing, headers: signedBy(who, request), withinMs: againMs };
      return exchange(again, sockets, clock);
    },
    close: () => sockets.close(),
  };
}

/** Only the service itself can say that a request was not applied: what has no request id may say anything. */
function isSkewed({ status, requestId, body }: Answer): boolean {
  return status >= 400 && requestId !== '' && SKEWED.test(body);
}

/**
 * The caller reckons with one time limit, whatever a request spends it on.
 * @returns a function that gives the milliseconds left: 0 if the clock was set back, since they are unknown then.
 */
function timeLimit(timeoutMs: number, clock: Pick<Clock, 'now'>): () => number {
  const startMs = clock.now();
  return () => {
    const passedMs = clock.now() - startMs;
    return passedMs < 0 ? 0 : timeoutMs - passedMs;
  };
}

async function inTime<T>(search: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(lateCredentials(timeoutMs)), timeoutMs);
  });
  try {
    return await Promise.race([search, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** By the name that says that nothing has been sent. */
function lateCredentials(timeoutMs: number): Error {
  return Object.assign(new Error(`no credentials within ${timeoutMs} ms`), {
    name: 'CredentialsProviderError',
  });
}

interface OutgoingRequest {
  readonly headers: string[];
  readonly body: Buffer;
  readonly withinMs: number;
}

/** With less time left, a request is not sent a second time. */
const AGAIN_MS_MIN = 100;

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
  return Object.assign(new Error(`no answer within ${ms} ms`), { name: 'TimeoutError' });
}

/** The Region's own. */
export function dynamoDbEndpoint(region: string): string {
  return `https://dynamodb.${region}.${partitionOf(region).dnsSuffix}`;
}
