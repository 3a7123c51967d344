// One time limit for a request, whatever it spends it on: credentials, a socket, a second try.

import { namedError } from '../errors.ts';
import type { Clock } from '../ports.ts';

/**
 * The caller reckons with one time limit.
 * @returns a function that gives the milliseconds left: 0 if the clock was set back, since they are unknown then.
 */
export function timeLimit(timeoutMs: number, clock: Pick<Clock, 'now'>): () => number {
  const startMs = clock.now();
  return () => {
    const passedMs = clock.now() - startMs;
    return passedMs < 0 ? 0 : timeoutMs - passedMs;
  };
}

/** @throws by the name that says that nothing has been sent, if `search` takes longer. */
export async function credentialsWithin<T>(search: T | Promise<T>, timeoutMs: number): Promise<T> {
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

export function lateCredentials(timeoutMs: number): Error {
  return namedError('CredentialsProviderError', `no credentials within ${timeoutMs} ms`);
}

/** No answer comes sooner: with less time left, a request is not sent any more. */
export const LEAST_MS = 10;
/** With less time left, a request is not sent a second time. */
export const AGAIN_MS_MIN = 100;
