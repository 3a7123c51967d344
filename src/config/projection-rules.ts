// The rules about a projection that its schema cannot say.

import { conditionProblems } from './condition-rules.ts';
import { pathProblems } from './path-rules.ts';
import { show } from './problems.ts';
import { hashRules } from './projection-settings.ts';
import { arnProblems, ownerProblem } from './regions.ts';
import type { ReplicationConfig } from './schema.ts';
import { valueProblem } from './typed-value.ts';

/**
 * One line per problem: path, value, and what was expected.
 * @param keys names of the key attributes, as far as they are known.
 */
export function* projectionProblems(
  path: string,
  { projection, reservedAttribute, source }: ReplicationConfig,
  keys: readonly string[],
): Generator<string> {
  if (projection === undefined) return;
  const { keepItems, attributes, module } = projection;
  if (keepItems === undefined && attributes === undefined && module === undefined)
    yield `${path} must have keepItems, attributes or module, and is empty`;
  const beside = Object.keys({
    ...(keepItems && { keepItems }),
    ...(attributes && { attributes }),
  });
  if (module !== undefined && beside.length > 0)
    yield `${path}.module must be alone, because it is used instead of other rules, got ${beside.join(' and ')} beside it; remove one of them, here or in "defaults"`;
  if (keepItems !== undefined)
    yield* conditionProblems(`${path}.keepItems`, keepItems, reservedAttribute);
  if (attributes === undefined) return;
  const at = `${path}.attributes`;
  if (Object.keys(attributes).length === 0)
    yield `${at} must have keepOnly, drop, hash, rename or set, and is empty`;
  yield* pathProblems(at, attributes, { keys, reservedAttribute });
  for (const [name, value] of Object.entries(attributes.set ?? {})) {
    const problem = valueProblem(value);
    if (problem !== undefined)
      yield `${at}.set: ${show(name)} must be a value that DynamoDB stores, got ${show(value)}: ${problem}`;
  }
  yield* secretProblems(`${at}.hash`, projection, source);
}

/** The functions read the secrets in the Region of the source. */
function* secretProblems(
  path: string,
  projection: NonNullable<ReplicationConfig['projection']>,
  source: ReplicationConfig['source'],
): Generator<string> {
  const isList = Array.isArray(projection.attributes?.hash);
  for (const [index, { secret, kmsKeyArn }] of hashRules({ projection }).entries()) {
    const at = isList ? `${path}.${index}` : path;
    yield* arnProblems(`${at}.secret`, secret, { table: source, what: 'a secret' });
    yield* ownerProblem(`${at}.secret`, secret, source.account);
    if (kmsKeyArn !== undefined)
      yield* arnProblems(`${at}.kmsKeyArn`, kmsKeyArn, { table: source, what: 'a key' });
  }
}
