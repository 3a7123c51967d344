// The rules of a configuration -> the function that applies them to an item.

import type { ProjectionConfig } from '../config/schema.ts';
import type { Projection } from '../model/projection.ts';
import { compileAttributes } from './attribute-rules.ts';
import { compileCondition } from './condition.ts';
import { digestOfRules } from './digest.ts';
import type { HashKeys } from './hash.ts';
import { requireKey } from './key-kept.ts';

/** @param hashKeys is asked now, once for each rule that hashes. */
export function rulesProjection(config: ProjectionConfig, hashKeys: HashKeys = noKeys): Projection {
  const { keepItems, attributes } = config;
  const keeps = keepItems && compileCondition(keepItems);
  const change = attributes && compileAttributes(attributes, hashKeys);
  return {
    digest: digestOfRules(config),
    filters: keeps !== undefined,
    project(source, key) {
      if (keeps !== undefined && !keeps(source)) return undefined;
      if (change === undefined) return source;
      const content = change(source, key);
      requireKey(content, source, key);
      return content;
    },
  };
}

function noKeys({ secret }: { readonly secret: string }): never {
  throw new Error(`The text of the secret ${secret} is not known.`);
}
