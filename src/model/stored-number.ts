// A whole number as DynamoDB stores it.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** @returns undefined where it is none, or not exact. */
export function integerIn(value: AttributeValue | undefined): number | undefined {
  const number = Number(value?.N ?? Number.NaN);
  return Number.isSafeInteger(number) ? number : undefined;
}
