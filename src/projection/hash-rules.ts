// The rules that hash a value: their secrets, and the function of each.

import { createHmac } from 'node:crypto';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { HashRule } from '../config/schema-projection.ts';
import type { ProjectionConfig } from '../config/schema.ts';
import { canonicalText } from '../model/attribute-value.ts';

export type HashRules = NonNullable<NonNullable<ProjectionConfig['attributes']>['hash']>;

/** The text of a secret in a version. */
export type HashKeys = (secret: Pick<HashRule, 'secret' | 'versionId'>) => string;

export function hashRulesOf(hash: HashRules | undefined): readonly HashRule[] {
  if (hash === undefined) return [];
  return 'attribute' in hash ? [hash] : hash;
}

/** Equal for values that mean the same, such as the numbers 1 and 1.0. */
export function hashWith(key: string): (value: AttributeValue) => AttributeValue {
  return (value) => ({
    S: createHmac('sha256', key).update(canonicalText(value)).digest('base64url'),
  });
}
