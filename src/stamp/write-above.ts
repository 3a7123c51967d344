// A stamped write until it stands: refused because of a later version, it is sent again with one above that.

import type { CommandArgs, CommandResult, Send } from './client-stack.ts';
import type { StampSettings } from './options.ts';
import type { StampClock } from './stamp-clock.ts';
import { StampError } from './stamp-error.ts';

/** What the plug-in has done since it was made. */
export interface StampCounts {
  /** Puts and updates that have a stamp now. */
  stamped: number;
  /** Requests that were sent again, because an item had a later version. */
  sentAgain: number;
  /** Requests that the SDK repeated after an answer was lost, and that had been carried out already. */
  foundMade: number;
}

export interface Stamping {
  readonly settings: StampSettings;
  readonly clock: StampClock;
  readonly counts: StampCounts;
}

/** How a command goes on. */
export interface Passage {
  readonly args: CommandArgs;
  readonly next: Send;
  readonly stamping: Stamping;
}

/** What an error of the service means for a stamped write. */
export type Verdict<Stamps> =
  /** It is the caller's. */
  | { readonly kind: 'failed'; readonly error: unknown }
  /** The write has been made before. */
  | { readonly kind: 'made' }
  /** It is to be sent again with these. */
  | { readonly kind: 'later'; readonly stamps: Stamps };

export interface StampedWrite<Stamps> {
  readonly stamps: Stamps;
  /** Of puts and updates. */
  readonly count: number;
  readonly send: (stamps: Stamps) => Promise<CommandResult>;
  readonly judge: (error: unknown, stamps: Stamps, tries: number) => Verdict<Stamps>;
}

/** The answer is lost. */
export interface Made<Stamps> {
  readonly stamps: Stamps;
  readonly error: unknown;
}

/** Each is needed only if another write of the item came between. */
const TRIES_MAX = 10;

/** @throws what fails the write, the refusal of the caller's own condition included. */
export async function writeAbove<Stamps>(
  counts: StampCounts,
  write: StampedWrite<Stamps>,
): Promise<CommandResult | Made<Stamps>> {
  const { count, send, judge } = write;
  let { stamps } = write;
  for (let tries = 1; ; tries += 1) {
    try {
      const result = await send(stamps);
      counts.stamped += count;
      return result;
    } catch (error) {
      const verdict = judge(error, stamps, tries);
      if (verdict.kind === 'failed') throw verdict.error;
      if (verdict.kind === 'made') {
        counts.stamped += count;
        counts.foundMade += 1;
        return { stamps, error };
      }
      if (tries === TRIES_MAX) throw contended(error);
      counts.sentAgain += 1;
      ({ stamps } = verdict);
    }
  }
}

export function isNamed(error: unknown, name: string): error is Error {
  return error instanceof Error && error.name === name;
}

export function notComparable({ reservedAttribute }: StampSettings, cause: unknown): StampError {
  return new StampError(`The item has "${reservedAttribute}", but not with a version of Ferry's`, {
    code: 'stamp.not-comparable',
    hint: `Remove "${reservedAttribute}" from the item with a client that has no plug-in, and write again.`,
    cause,
  });
}

function contended(cause: unknown): StampError {
  return new StampError(
    `The write was refused ${TRIES_MAX} times, each time because an item had a later version`,
    {
      code: 'stamp.contended',
      hint: 'Nothing was written. Write again. If it happens often, many clients write this item at the same time.',
      cause,
    },
  );
}

/** What is known of a write whose answer is lost. */
export function answerWithout(error: unknown): CommandResult {
  return { output: { $metadata: (error as { readonly $metadata?: unknown }).$metadata } };
}
