// Repeats requests that may be repeated: while they are throttled, and for keys that were left unprocessed.

import { classifyFailure, type FailureKind, retryDelayMs } from '../model/write-failure.ts';
import { FerryError, namedError } from '../errors.ts';
import type { Clock, Random } from '../ports.ts';

type Waiting = Readonly<{ clock: Clock; random: Random }>;

export interface RetryContext extends Waiting {
  /** Ends the waiting: what `retry` then throws is its reason. */
  readonly stop: AbortSignal;
}

/** In a row; with the waits between them, about six seconds. */
const OUTAGE_TRIES_MAX = 8;
/** Kinds of failures that may pass by themselves. */
export const OUTAGES: readonly FailureKind[] = ['unreachable', 'unknown'];

/**
 * For work without a deadline: for as long as it is throttled, and a few times when the network fails.
 * @param action must be harmless to repeat, also when an earlier try is applied late.
 * @throws what `action` throws and repeating cannot help, or the reason of `stop`.
 */
export async function retry<T>(
  action: () => Promise<T>,
  { clock, random, stop }: RetryContext,
): Promise<T> {
  let outages = 0;
  const begin = () => stop.throwIfAborted();
  return repeat(action, { clock, random, begin }, (kind) => {
    outages = OUTAGES.includes(kind) ? outages + 1 : 0;
    return kind === 'throttled' || (outages > 0 && outages < OUTAGE_TRIES_MAX);
  });
}

export interface DeadlineContext extends Waiting {
  readonly remainingMs: () => number;
  /** With less time left, nothing is begun. */
  readonly leastMs: number;
}

/** Of a throttled request, and of a batch with unprocessed keys. */
export const TRIES_IN_TIME_MAX = 5;

/**
 * For work with a deadline: a few times while it is throttled.
 * @throws what `action` throws in the end, or an error called OutOfTime.
 */
export async function retryInTime<T>(
  action: () => Promise<T>,
  context: DeadlineContext,
): Promise<T> {
  const begin = () => {
    if (context.remainingMs() < context.leastMs) throw namedError('OutOfTime');
  };
  const isRepeated = (kind: FailureKind, tries: number) =>
    kind === 'throttled' && tries < TRIES_IN_TIME_MAX;
  return repeat(action, { ...context, begin }, isRepeated);
}

/** @param begin may throw before a try, which ends it. */
async function repeat<T>(
  action: () => Promise<T>,
  { clock, random, begin }: Waiting & { readonly begin: () => void },
  isRepeated: (kind: FailureKind, tries: number) => boolean,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    begin();
    try {
      return await action();
    } catch (error) {
      const isFinal = error instanceof FerryError;
      if (isFinal || !isRepeated(classifyFailure(error).kind, tries)) throw error;
    }
    await clock.sleep(retryDelayMs(tries, random.next()));
  }
}

/**
 * The replies to a batch read: keys that the service had no capacity for are requested again.
 * @throws what `read` throws, and ThrottlingException after `triesMax`.
 */
export async function* repliesTo<K, R extends { readonly unprocessed: readonly K[] }>(
  keys: readonly K[],
  read: (keys: readonly K[]) => Promise<R>,
  { clock, random, triesMax = Infinity }: Waiting & { readonly triesMax?: number },
): AsyncGenerator<R> {
  let open = keys;
  for (let tries = 1; open.length > 0; tries += 1) {
    const reply = await read(open);
    yield reply;
    open = reply.unprocessed;
    if (open.length === 0) return;
    if (tries === triesMax) throw namedError('ThrottlingException');
    await clock.sleep(retryDelayMs(tries, random.next()));
  }
}
