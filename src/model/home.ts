// The key of an item -> the Region in which it is written. It is a function of the key, so that it never changes in the
// life of an item, and the record of a delete tells it.

import type { Item } from './attribute-value.ts';

interface HomeRule {
  readonly attribute: string;
  readonly prefix?: string | undefined;
  readonly suffix?: string | undefined;
  readonly region: string;
}

export interface HomeRules {
  readonly rules: readonly HomeRule[];
  /** Of the items that no rule matches. */
  readonly otherwise: string;
}

export function homeOf(key: Item, { rules, otherwise }: HomeRules): string {
  return rules.find((rule) => matches(key, rule))?.region ?? otherwise;
}

function matches(key: Item, { attribute, prefix = '', suffix = '' }: HomeRule): boolean {
  const text = key[attribute]?.S;
  return text !== undefined && text.startsWith(prefix) && text.endsWith(suffix);
}
