// What a message may hold, what it weighs and what its digests are. Pure: no queue, no clock, no HTTP.

import { createHash } from 'node:crypto';
import { SqsError, invalidParameter, missingParameter } from './error.ts';

/** Largest message, and largest sum over a batch: 1 MiB of body and attributes. */
export const MESSAGE_BYTES_MAX = 1_048_576;

/** One message attribute, as on the wire: text, or bytes in base64. */
export interface MessageAttribute {
  readonly DataType: string;
  readonly StringValue?: string | undefined;
  readonly BinaryValue?: string | undefined;
}

export type MessageAttributes = ReadonlyMap<string, MessageAttribute>;

/** What a producer hands over. */
export interface MessageDraft {
  readonly body: string;
  readonly attributes: MessageAttributes;
}

const ATTRIBUTES_MAX = 10;
const ATTRIBUTE_NAME_LENGTH_MAX = 256;
const REFUSED_CHARACTER = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;
const ALLOWED_CHARACTERS =
  '#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF';

/** Bytes that count against the size limits: UTF-8 body; name, type and value of each attribute. */
export function sizeBytes({ body, attributes }: MessageDraft): number {
  let size = Buffer.byteLength(body);
  for (const [name, attribute] of attributes) {
    size += Buffer.byteLength(name) + Buffer.byteLength(attribute.DataType);
    size += valueBytes(attribute).length;
  }
  return size;
}

/** @throws SqsError for an empty body, characters that SQS refuses, or attributes against its rules. */
export function checkContent({ body, attributes }: MessageDraft): void {
  if (body === '') throw missingParameter('MessageBody');
  if (REFUSED_CHARACTER.test(body)) {
    throw new SqsError(
      'InvalidMessageContents',
      `Invalid characters found. Valid unicode characters are ${ALLOWED_CHARACTERS}.`,
    );
  }
  if (attributes.size > ATTRIBUTES_MAX) {
    throw invalidParameter(
      `Number of message attributes [${attributes.size}] exceeds the allowed maximum [${ATTRIBUTES_MAX}].`,
    );
  }
  for (const [name, attribute] of attributes) {
    checkAttributeName(name);
    checkAttributeValue(name, attribute);
  }
}

/** MD5 of a body, as the SDK recomputes it. */
export function md5OfBody(body: string): string {
  return createHash('md5').update(body).digest('hex');
}

/** MD5 over name, type and value of the attributes, sorted by name; nothing without attributes. */
export function md5OfAttributes(attributes: MessageAttributes): string | undefined {
  if (attributes.size === 0) return undefined;
  const hash = createHash('md5');
  const append = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  };
  for (const [name, attribute] of [...attributes].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    append(Buffer.from(name));
    append(Buffer.from(attribute.DataType));
    hash.update(Buffer.of(attribute.BinaryValue === undefined ? 1 : 2));
    append(valueBytes(attribute));
  }
  return hash.digest('hex');
}

/** The attributes that a consumer asked for: by name, by `prefix.*`, or all of them. */
export function selectAttributes(
  attributes: MessageAttributes,
  wanted: readonly string[],
): MessageAttributes {
  return new Map(
    [...attributes].filter(([name]) => wanted.some((pattern) => isWanted(name, pattern))),
  );
}

function isWanted(name: string, pattern: string): boolean {
  // ".*" is the empty prefix; the service takes a lone "*" for "All", too.
  if (pattern === 'All' || pattern === '*' || pattern === name) return true;
  return pattern.endsWith('.*') && name.startsWith(pattern.slice(0, -2));
}

function checkAttributeName(name: string): void {
  if (name.length > ATTRIBUTE_NAME_LENGTH_MAX) {
    throw invalidParameter('Message (user) attribute names must not exceed 256 characters.');
  }
  if (!/^[\p{L}\p{N}_.-]+$/u.test(name)) {
    throw invalidParameter(
      `Message (user) attribute name '${name}' may hold letters, digits, periods, hyphens and underscores only.`,
    );
  }
  if (/^(aws\.|amazon\.|\.)|\.\.|\.$/i.test(name)) {
    throw invalidParameter(
      `Message (user) attribute name '${name}' must not begin with 'AWS.' or 'Amazon.', begin or end with a period, or hold two periods in a row.`,
    );
  }
}

function checkAttributeValue(name: string, attribute: MessageAttribute): void {
  const { DataType: type, StringValue: text, BinaryValue: binary } = attribute;
  const kind = /^(String|Number|Binary)(\..+)?$/u.exec(type)?.[1];
  if (kind === undefined || type.length > ATTRIBUTE_NAME_LENGTH_MAX) {
    throw invalidParameter(
      `The type of message (user) attribute '${name}' must begin with 'String', 'Number' or 'Binary', got '${type}'.`,
    );
  }
  const [value, unwanted] = kind === 'Binary' ? [binary, text] : [text, binary];
  if (value === undefined || value === '' || unwanted !== undefined) {
    throw invalidParameter(
      `Message (user) attribute '${name}' must contain a non-empty value of type '${kind}'.`,
    );
  }
  if (kind !== 'Binary' && REFUSED_CHARACTER.test(value)) {
    throw invalidParameter(
      `Invalid characters found in message (user) attribute '${name}'. Valid unicode characters are ${ALLOWED_CHARACTERS}.`,
    );
  }
  if (kind === 'Number' && !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value)) {
    throw invalidParameter(
      `Can't cast the value of message (user) attribute '${name}' to a number.`,
    );
  }
}

function valueBytes({ StringValue, BinaryValue }: MessageAttribute): Buffer {
  return BinaryValue === undefined
    ? Buffer.from(StringValue ?? '')
    : Buffer.from(BinaryValue, 'base64');
}
