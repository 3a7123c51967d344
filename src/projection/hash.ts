// The hash of a value, by the text of a secret.

import { createHmac } from 'node:crypto';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { HashRule } from '../config/schema-projection.ts';
import { canonicalText } from '../model/attribute-value.ts';

/** The text of a secret in a version. */
export type HashKeys = (secret: Pick<HashRule, 'secret' | 'versionId'>) => string;

/** Equal for values that mean the same, such as the numbers 1 and 1.0. */
export function hashWith(key: string): (value: AttributeValue) => AttributeValue {
  return (value) => ({
    S: createHmac('sha256', key).update(canonicalText(value)).digest('base64url'),
  });
}
