// Carries the SDK's requests over undici, at less processor time than the SDK's own handler, and
// with a time limit for the whole exchange: the SDK's limits end with the first byte of an answer.

import { UndiciHttpHandler } from '@smithy/undici-http-handler';
import { Agent, type Dispatcher } from 'undici';
import { requireOwnResponse } from './checked-handler.ts';
import type { TimedRequest } from './other-credentials.ts';
import { resettingConnector } from './signed/resetting-connector.ts';
import { IDLE_MS_MAX } from './signed/sockets.ts';
import { lateCredentials, LEAST_MS } from './time-limit.ts';

export interface UndiciHandlerOptions {
  /** Sockets at most; one request each. */
  readonly concurrency: number;
  /** From the request to the last byte of its answer; to connect has a limit of its own. */
  readonly timeoutMs: number;
}

/** For an SDK client's `requestHandler`. */
export function undiciHandler({ concurrency, timeoutMs }: UndiciHandlerOptions): UndiciHttpHandler {
  return new TimedHandler(concurrency, timeoutMs);
}

type SdkRequest = Parameters<UndiciHttpHandler['handle']>[0];
type SdkOptions = NonNullable<Parameters<UndiciHttpHandler['handle']>[1]>;

class TimedHandler extends UndiciHttpHandler {
  readonly #timeoutMs: number;

  constructor(concurrency: number, timeoutMs: number) {
    const dispatcher = new Agent({
      connections: concurrency,
      pipelining: 1,
      connect: resettingConnector(),
      keepAliveTimeout: IDLE_MS_MAX,
      // Each exchange has a time limit of its own.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    super({ dispatcher });
    this.#timeoutMs = timeoutMs;
  }

  /** A signal with each command would do as well, but then the SDK puts its middleware together anew. */
  override async handle(request: SdkRequest, { abortSignal }: SdkOptions = {}) {
    const controller = new AbortController();
    const { withinMs = this.#timeoutMs } = request as TimedRequest;
    // To be signed, it has waited for other credentials than it began with.
    if (withinMs < LEAST_MS) throw lateCredentials(this.#timeoutMs);
    const timer = setTimeout(() => controller.abort(), withinMs);
    try {
      const { response } = await super.handle(request, {
        abortSignal: either(controller.signal, abortSignal),
      });
      response.body = await (response.body as Dispatcher.BodyMixin).bytes();
      requireOwnResponse(request, response);
      return { response };
    } finally {
      clearTimeout(timer);
    }
  }
}

function either(own: AbortSignal, callers: SdkOptions['abortSignal']): AbortSignal {
  return callers === undefined ? own : AbortSignal.any([own, callers as AbortSignal]);
}
