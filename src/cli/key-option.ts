// --key: the key of an item, as people type it.

import { marshall } from '@aws-sdk/util-dynamodb';
import { decodeItem, type Item } from '../core/attribute-value.ts';
import { UsageError } from '../errors.ts';
import type { ParsedOptions } from './command.ts';

/** @throws UsageError where it is not the JSON of a key, plain or typed. */
export function keyFrom(options: ParsedOptions): Item | undefined {
  const json = options.text('key');
  if (json === undefined) return undefined;
  try {
    const key = JSON.parse(json) as Record<string, unknown>;
    const typed = Object.values(key).every((value) => typeof value === 'object');
    return typed ? decodeItem(key, '--key') : marshall(key);
  } catch (cause) {
    throw new UsageError(
      `--key must be the JSON of a key, got ${json}: ${(cause as Error).message}.`,
      {
        code: 'usage.options',
        hint: 'Plain, as in {"pk":"a","sk":7}, or typed, as in {"pk":{"B":"AP8="}}.',
        cause,
      },
    );
  }
}
