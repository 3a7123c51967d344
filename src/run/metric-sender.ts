// Sends metrics in the background: what publishes them never waits, and a service that fails costs bounded memory and
// nothing else.

import type { Clock, Log } from '../ports.ts';
import type { MetricValues } from '../model/metric-values.ts';
import { failureName } from './quiet.ts';
import { MetricDistributions, type MetricRequest } from './metric-requests.ts';

export interface MetricSenderOptions {
  readonly dimensions: readonly string[];
  readonly put: (request: MetricRequest) => Promise<void>;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}

/** Some hours of a service that fails. */
const REQUESTS_MAX = 500;

export class MetricSender {
  readonly #options: MetricSenderOptions;
  readonly #distributions: MetricDistributions;
  #unsent: MetricRequest[] = [];
  #sending: Promise<void> | undefined;

  constructor(options: MetricSenderOptions) {
    this.#options = options;
    this.#distributions = new MetricDistributions(options.dimensions);
  }

  add(values: MetricValues): void {
    this.#distributions.add(values, this.#options.clock.now());
  }

  /** To be called at least once a minute. Never rejects: what could not be sent is sent with the next flush. */
  flush(): Promise<void> {
    return (this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    }));
  }

  async #send(): Promise<void> {
    const { put, log } = this.#options;
    this.#unsent.push(...this.#distributions.take());
    const dropped = this.#unsent.splice(0, this.#unsent.length - REQUESTS_MAX).length;
    if (dropped > 0) log({ event: 'metrics.dropped', requests: dropped });
    for (let next = this.#unsent[0]; next !== undefined; next = this.#unsent[0]) {
      try {
        await put(next);
        this.#unsent.shift();
      } catch (error) {
        log({ event: 'metrics.unsent', requests: this.#unsent.length, error: failureName(error) });
        return;
      }
    }
  }
}
