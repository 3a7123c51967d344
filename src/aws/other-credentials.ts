// Makes an SDK client try once more with other credentials where a service refuses those that it had: such a request
// has not been applied.

import type { Clock } from '../ports.ts';
import { type Credentials, type CredentialSource, withoutKeys } from './access.ts';
import { REFUSALS } from './credential-source.ts';
import { systemClock } from './system-clock.ts';
import {
  AGAIN_MS_MIN,
  credentialsWithin,
  lateCredentials,
  LEAST_MS,
  timeLimit,
} from './time-limit.ts';

/** Any client of the SDK: each of its steps has types of its own. */
interface SdkClient {
  readonly middlewareStack: { add(middleware: never, options: never): void };
}

/** How long a request may take, where its handler holds that limit. */
export interface TimedRequest {
  withinMs?: number;
}

/** A member of the SDK's own arguments goes from step to step. */
interface Arguments {
  readonly leftMs?: () => number;
  readonly request?: TimedRequest;
}

type Next = (args: Arguments) => Promise<unknown>;

export interface TryingOptions {
  /** For a request, waiting for credentials and both tries included. @default longer than other limits */
  readonly timeoutMs?: number;
  readonly clock?: Pick<Clock, 'now'>;
}

/**
 * @param credentials of the client's settings, too.
 * @returns the same client.
 */
export function tryingOthers<Client extends SdkClient>(
  client: Client,
  credentials: CredentialSource | undefined,
  { timeoutMs = 60_000, clock = systemClock }: TryingOptions = {},
): Client {
  if (credentials === undefined) return client;
  const tried =
    (next: Next): Next =>
    async (args) => {
      const leftMs = timeLimit(timeoutMs, clock);
      const found = credentials.get();
      const who = found instanceof Promise ? await credentialsWithin(found, leftMs()) : found;
      if (leftMs() < LEAST_MS) throw lateCredentials(timeoutMs);
      const attempt = (by: Credentials) =>
        next({ ...args, leftMs }).catch((error: unknown) => {
          throw isRefusal(error) ? withoutItsKeys(error, by) : error;
        });
      try {
        return await attempt(who);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        const areOthers = await credentialsWithin(credentials.refused(who), leftMs());
        if (!areOthers || leftMs() < AGAIN_MS_MIN) throw error;
      }
      return attempt(await credentialsWithin(credentials.get(), leftMs()));
    };
  // The request that has been signed is another object than the one before.
  const timed =
    (next: Next): Next =>
    (args) => {
      if (args.request && args.leftMs) args.request.withinMs = args.leftMs();
      return next(args);
    };
  const add = (step: 'initialize' | 'deserialize', name: string, of: (next: Next) => Next) =>
    client.middlewareStack.add(of as never, { step, name, priority: 'low' } as never);
  add('initialize', 'tryingOthers', tried);
  add('deserialize', 'timeLeft', timed);
  return client;
}

function isRefusal(error: unknown): error is Error {
  return error instanceof Error && REFUSALS.has(error.name);
}

function withoutItsKeys(error: Error, who: Credentials): Error {
  error.message = withoutKeys(error.message, who);
  error.stack = withoutKeys(error.stack ?? '', who);
  return error;
}
