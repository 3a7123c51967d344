// A record that can never be applied -> the message that keeps it, whole and typed, until an
// operator redrives it.

import type { Item } from '../ports.ts';
import type { Version } from './ordering-guard.ts';

export interface DeadLetterReason {
  /** The service's or Ferry's name for it: ValidationException, NewImageMissing. */
  readonly name: string;
  readonly message: string;
}

export interface DeadLetter {
  readonly replication: string;
  readonly reason: DeadLetterReason;
  /** ISO 8601, UTC. */
  readonly failedAt: string;
  readonly sequenceNumber?: string | undefined;
  readonly version?: Version | undefined;
  readonly key?: Item | undefined;
  /** The stream record exactly as Lambda delivered it. */
  readonly record: unknown;
}

/** Format of the message body. Raised when a reader of the old one could misread the new one. */
const DEAD_LETTER_SCHEMA_VERSION = 1;

/**
 * The message body: JSON in ASCII, because a queue may alter other text. Where it would be longer than
 * `sizeBytesMax`, the old image, which no redrive needs, is left out.
 */
export function deadLetterBody(letter: DeadLetter, sizeBytesMax: number): string {
  const body = toAsciiJson(letter);
  return body.length <= sizeBytesMax
    ? body
    : toAsciiJson({ ...letter, record: withoutOldImage(letter.record) });
}

function toAsciiJson(letter: DeadLetter): string {
  const key = letter.key === undefined ? undefined : wireItem(letter.key);
  const json = JSON.stringify({ schemaVersion: DEAD_LETTER_SCHEMA_VERSION, ...letter, key });
  return json.replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Key attributes with bytes as base64 text again, as everywhere in the wire's JSON. */
function wireItem(key: Item): object {
  return Object.fromEntries(
    Object.entries(key).map(([name, value]) => [
      name,
      value.B === undefined ? value : { B: Buffer.from(value.B).toString('base64') },
    ]),
  );
}

function withoutOldImage(record: unknown): unknown {
  const { dynamodb, ...rest } = record as { dynamodb?: { OldImage?: unknown } };
  const { OldImage: _, ...change } = dynamodb ?? {};
  return { ...rest, dynamodb: change };
}
