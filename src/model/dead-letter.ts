// A record that can never be applied -> the message that keeps it, whole and typed, until an operator redrives it; or
// only what the record is about.

import { ascii, type Item, itemAsJson } from './attribute-value.ts';
import type { Version } from './guard.ts';
import { STORED_FORMAT } from './stored-format.ts';

export interface DeadLetterReason {
  /** Refused by the destination, unreadable, or in the way of something that is not Ferry's. */
  readonly class: 'rejected' | 'malformed' | 'conflict';
  /** The service's or Ferry's name for it: ValidationException, NewImageMissing. */
  readonly name: string;
  readonly message: string;
}

/** A try that failed. */
export interface FailedAttempt {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly error: string;
}

export interface DeadLetter {
  readonly replication: string;
  readonly reason: DeadLetterReason;
  readonly attempts: readonly FailedAttempt[];
  /** ISO 8601, UTC. */
  readonly failedAt: string;
  readonly sequenceNumber?: string | undefined;
  readonly version?: Version | undefined;
  readonly key?: Item | undefined;
  /** The stream record exactly as Lambda delivered it. A projected letter has the next two instead. */
  readonly record?: unknown;
  readonly eventName?: string | undefined;
  readonly streamArn?: string | undefined;
}

export type DeadLetterMessage =
  | { readonly body: string }
  /** The record alone, to be stored as an object, and the message that points to it. */
  | { readonly body: string; readonly record: string };

/**
 * JSON in ASCII, because a queue may alter other text. If it is longer than `sizeBytesMax`, the old image,
 * which no redrive needs, is left out. If that is not enough, the record goes to an object called `objectKey`,
 * and the error's message is cut, so that the message always fits: a queue that refuses it would hold up the shard.
 */
export function deadLetterMessage(
  letter: DeadLetter,
  { sizeBytesMax, objectKey }: { sizeBytesMax: number; objectKey: string },
): DeadLetterMessage {
  if (!('record' in letter))
    return { body: toAsciiJson({ ...letter, reason: shortened(letter.reason) }) };
  const body = toAsciiJson(letter);
  if (body.length <= sizeBytesMax) return { body };
  const record = withoutOldImage(letter.record);
  const lighter = toAsciiJson({ ...letter, record });
  if (lighter.length <= sizeBytesMax) return { body: lighter };
  const { record: _, ...about } = letter;
  const pointer = { ...about, reason: shortened(letter.reason), recordObject: objectKey };
  const short = toAsciiJson(pointer);
  return {
    body: short.length <= sizeBytesMax ? short : toAsciiJson({ ...pointer, key: undefined }),
    // Not undefined, for which JSON has no text.
    record: JSON.stringify(record ?? null),
  };
}

const MESSAGE_LENGTH_MAX = 1_000;

function shortened({ message, ...reason }: DeadLetterReason): DeadLetterReason {
  return { ...reason, message: message.slice(0, MESSAGE_LENGTH_MAX) };
}

function toAsciiJson(letter: DeadLetter & { recordObject?: string }): string {
  const key = letter.key && itemAsJson(letter.key);
  // Release 0.2.0 called the format `schemaVersion`, and its redrive asks for it.
  const json = JSON.stringify({ schemaVersion: 1, format: STORED_FORMAT, ...letter, key });
  return ascii(json);
}

function withoutOldImage(record: unknown): unknown {
  const { dynamodb } = (record ?? {}) as { dynamodb?: { OldImage?: unknown } };
  if (dynamodb?.OldImage === undefined) return record;
  const { OldImage: _, ...change } = dynamodb;
  return { ...(record as object), dynamodb: change };
}
