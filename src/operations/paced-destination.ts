// A destination whose answers tell how many writes it takes at once.

import type { ConcurrencyLimit, RequestEnd } from '../core/concurrency-limit.ts';
import { classifyFailure } from '../core/write-failure.ts';
import type { Clock, DestinationTable } from '../ports.ts';

export interface Pace {
  readonly limit: ConcurrencyLimit;
  readonly clock: Pick<Clock, 'now'>;
}

export function pacedDestination(
  destination: DestinationTable,
  { limit, clock }: Pace,
): DestinationTable {
  return {
    async write(request) {
      const ticket = limit.started();
      const startMs = clock.now();
      let end: RequestEnd = 'failed';
      try {
        const reply = await destination.write(request);
        end = clock.now() - startMs;
        return reply;
      } catch (error) {
        end = endOf(error);
        throw error;
      } finally {
        limit.ended(ticket, end);
      }
    },
  };
}

function endOf(error: unknown): RequestEnd {
  const { kind } = classifyFailure(error);
  return kind === 'throttled' || kind === 'unknown' ? 'overloaded' : 'failed';
}
