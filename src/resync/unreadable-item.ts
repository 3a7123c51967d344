// Why an item cannot be read: the SDK loses a part of it, or the projection makes nothing of it.

import { FerryError } from '../errors.ts';
import { ProjectionFailed } from '../model/projection.ts';
import type { UnreadableItem } from '../ports.ts';

export type WhyUnreadable = Omit<UnreadableItem, 'key'>;

/** @returns undefined where the error of a read says something else. */
export function whyUnreadable(error: unknown): WhyUnreadable | undefined {
  if (!(error instanceof FerryError) || error.code !== 'item.unreadable') return undefined;
  const { cause, message } = error;
  return cause instanceof ProjectionFailed
    ? { reason: cause.name, detail: cause.message }
    : { reason: message };
}

/** For a terminal: what is stored has the reason alone. */
export function wholeReason({ reason, detail }: WhyUnreadable): string {
  return detail === undefined ? reason : `${reason}: ${detail}`;
}
