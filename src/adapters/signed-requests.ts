// Requests to one DynamoDB endpoint, signed here and carried by undici: a tenth of the SDK's processor time,
// with its care where it matters: whole-exchange time limit, clocks that are wrong, credentials that expire.

import type { Dispatcher, Pool as PoolType } from 'undici';
import Pool from 'undici/lib/dispatcher/pool.js';
import type { Clock } from '../ports.ts';
import { resettingConnector } from './resetting-connector.ts';
import { requestSigner, type SigningCredentials } from './sigv4.ts';

export interface SignedRequestsOptions {
  readonly region: string;
  readonly endpoint: string;
  readonly credentials: () => Promise<SigningCredentials>;
  /** Sockets at most; one request each. */
  readonly concurrency: number;
  /** Time for the whole exchange, waiting for a socket included. */
  readonly timeoutMs: number;
  readonly clock: Pick<Clock, 'now'>;
}

/** What the service has answered. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface SignedRequests {
  /**
   * @param target such as DynamoDB_20120810.PutItem.
   * Rejects with the network's error, or a TimeoutError; nobody knows then whether it has been applied.
   */
  send(target: string, body: string): Promise<Answer>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 2_000;
/** By how much clocks may differ before DynamoDB refuses a signature is five minutes. */
const SKEW_MS_MIN = 4 * 60_000;
const SKEWED = /"(?:[^"]*#)?(?:InvalidSignatureException|RequestExpired|RequestTimeTooSkewed)"/;

/**
 * Lambda freezes an idle function, and whoever is at the other end may have hung up before it thaws. A
 * request on such a socket would end without an answer, and its batch would have to wait for it.
 */
const IDLE_MS_MAX = 15_000;

export function signedRequests(options: SignedRequestsOptions): SignedRequests {
  const { region, endpoint, credentials, timeoutMs, clock } = options;
  const { origin, host } = new URL(endpoint);
  const sign = requestSigner({ region, service: 'dynamodb', host });
  const sockets = freshSockets(() => newPool(origin, options), clock);
  let skewMs = 0;
  const once = async (target: string, body: string, withinMs: number) => {
    const usedMs = skewMs;
    const headers = sign({ target, body }, await credentials(), clock.now() + usedMs);
    const answer = await sockets.use((pool) => exchange(pool, { headers, body, withinMs }));
    return { ...answer, usedMs };
  };
  return {
    async send(target, body) {
      const startMs = clock.now();
      const first = await once(target, body, timeoutMs);
      if (first.status < 400 || !SKEWED.test(first.body)) return first;
      const answeredMs = clock.now();
      const foundMs = Date.parse(first.date) - answeredMs;
      if (!(Math.abs(foundMs - first.usedMs) > SKEW_MS_MIN)) return first;
      // Refused before anything else was looked at: it has surely not been applied.
      skewMs = foundMs;
      return once(target, body, Math.max(1, timeoutMs - (answeredMs - startMs)));
    },
    close: () => sockets.close(),
  };
}

function newPool(origin: string, { concurrency }: SignedRequestsOptions): PoolType {
  return new Pool(origin, {
    connections: concurrency,
    pipelining: 1,
    connect: resettingConnector(CONNECT_TIMEOUT_MS),
    // Each exchange has a time limit of its own.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}

/** A pool that is replaced when it has not been used for too long. */
function freshSockets(open: () => PoolType, clock: Pick<Clock, 'now'>) {
  let pool = open();
  let inUse = 0;
  let usedAtMs = clock.now();
  return {
    async use<T>(action: (pool: PoolType) => Promise<T>): Promise<T> {
      if (inUse === 0 && clock.now() - usedAtMs > IDLE_MS_MAX) {
        void pool.destroy();
        pool = open();
      }
      inUse += 1;
      try {
        return await action(pool);
      } finally {
        inUse -= 1;
        usedAtMs = clock.now();
      }
    },
    close: () => pool.close(),
  };
}

interface Exchange {
  readonly headers: string[];
  readonly body: string;
  readonly withinMs: number;
}

function exchange(
  pool: PoolType,
  { headers, body, withinMs }: Exchange,
): Promise<Answer & { readonly date: string }> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let status = 0;
    let date = '';
    const chunks: Buffer[] = [];
    const timer = setTimeout(() => {
      const late = timeoutError(withinMs);
      // Still waiting for a socket: it must not be sent when nobody waits for it any more.
      abandoned = late;
      controller?.abort(late);
      reject(late);
    }, withinMs);
    let abandoned: Error | undefined;
    pool.dispatch(
      { path: '/', method: 'POST', headers, body },
      {
        onRequestStart(started) {
          controller = started;
          if (abandoned !== undefined) started.abort(abandoned);
        },
        onResponseStart(_, statusCode, received) {
          status = statusCode;
          date = String(received['date'] ?? '');
        },
        onResponseData(_, chunk) {
          chunks.push(chunk);
        },
        onResponseEnd() {
          clearTimeout(timer);
          resolve({ status, date, body: textOf(chunks) });
        },
        onResponseError(_, error) {
          clearTimeout(timer);
          reject(error);
        },
      },
    );
  });
}

function textOf(chunks: readonly Buffer[]): string {
  const [only] = chunks;
  if (only === undefined) return '';
  return chunks.length === 1 ? only.toString() : Buffer.concat(chunks).toString();
}

function timeoutError(ms: number): Error {
  return Object.assign(new Error(`no answer within ${ms} ms`), { name: 'TimeoutError' });
}

/** Partitions other than AWS's own, by how the names of their Regions begin. */
const SUFFIXES = {
  'cn-': 'amazonaws.com.cn',
  'eusc-': 'amazonaws.eu',
  'us-isob-': 'sc2s.sgov.gov',
  'us-isof-': 'csp.hci.ic.gov',
  'us-iso-': 'c2s.ic.gov',
  'eu-isoe-': 'cloud.adc-e.uk',
} as const;

/** The Region's own. */
export function dynamoDbEndpoint(region: string): string {
  const [, suffix] = Object.entries(SUFFIXES).find(([start]) => region.startsWith(start)) ?? [];
  return `https://dynamodb.${region}.${suffix ?? 'amazonaws.com'}`;
}
