// The key of the heartbeat item, as DynamoDB has it.

import type { HeartbeatConfig } from './schema.ts';

/** Numbers that DynamoDB would round have been refused before. */
export function heartbeatItemKey({
  key,
}: HeartbeatConfig): Record<string, { readonly S: string } | { readonly N: string }> {
  return Object.fromEntries(
    Object.entries(key).map(([name, value]) => [
      name,
      typeof value === 'string' ? { S: value } : { N: String(value) },
    ]),
  );
}
