// What stands for a projection: equal digests make equal twins.

import { createHash } from 'node:crypto';
import { hashRules } from '../config/projection-settings.ts';
import type { ProjectionConfig } from '../config/schema.ts';

/** Another one for another meaning of the same rules. */
const FORMAT = 1;

/** SHA-256 of the rules, as hexadecimal digits. The order of names does not count. */
export function digestOfRules(projection: ProjectionConfig): string {
  const { keepItems, attributes } = projection;
  // Which key encrypts a secret says nothing of its text.
  const hash = hashRules({ projection }).map(({ attribute, secret, versionId }) => {
    return { attribute, secret, versionId };
  });
  const rules = { format: FORMAT, keepItems, attributes: attributes && { ...attributes, hash } };
  return sha256(JSON.stringify(rules, inOrder));
}

/** SHA-256 of the file of a module, as hexadecimal digits. */
export function digestOfModule(bytes: Uint8Array): string {
  return sha256(bytes);
}

function inOrder(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function sha256(contents: string | Uint8Array): string {
  return createHash('sha256').update(contents).digest('hex');
}
