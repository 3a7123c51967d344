// --key: the key of an item, as people type it.

import type { KeyAttribute } from '../config/schema.ts';
import { type Item, keyInOrder } from '../model/attribute-value.ts';
import { keyProblems, parseTypedKey, typeOf } from '../model/typed-key.ts';
import { wrongOption } from './arguments.ts';
import type { OptionSpec, ParsedOptions } from './command.ts';

/** @param help what is done with it. */
export function keyOption(help: string): OptionSpec {
  return { value: 'JSON', help: `${help}: {"pk":"a","sk":7} or {"pk":{"S":"a"},"sk":{"N":"7"}}` };
}

/** @throws UsageError where it is not the JSON of a key that DynamoDB can hold, plain or typed. */
export function keyFrom(options: ParsedOptions): Item | undefined {
  const json = options.text('key');
  if (json === undefined) return undefined;
  try {
    return parseTypedKey(json);
  } catch (cause) {
    throw wrongOption(
      `--key must be the JSON of a key, got ${json}: ${(cause as Error).message}.`,
      'Use plain JSON, for example {"pk":"a","sk":7}, or DynamoDB JSON, for example {"pk":{"S":"a"},"sk":{"N":"7"}}. Binary is base64 in DynamoDB JSON: {"pk":{"B":"AP8="}}.',
      cause,
    );
  }
}

/** @throws UsageError where the key is not one of a table with these key attributes. */
export function requireKeyOf(keys: readonly KeyAttribute[], key: Item): Item {
  const problems = keyProblems(key, keys);
  if (problems.length === 0)
    return keyInOrder(
      key,
      keys.map(({ name }) => name),
    );
  const expected = keys.map(({ name, type }) => `${name} (${type})`).join(', ');
  const given = Object.entries(key)
    .map(([name, value]) => `${name} (${typeOf(value)})`)
    .join(', ');
  throw wrongOption(
    `--key must have ${expected}, got ${given}: ${problems.join('; ')}.`,
    'Use every key attribute of the table with its type, and no other attribute.',
  );
}
