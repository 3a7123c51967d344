// The rules about a condition of a projection that its schema cannot say.

import { show } from './problems.ts';
import type { Condition } from './schema-projection.ts';
import { compareValues, typeOf, valueProblem } from './typed-value.ts';

const OF_ATTRIBUTE = ['equals', 'in', 'beginsWith', 'between', 'exists'] as const;
const OF_CONDITIONS = ['not', 'and', 'or'] as const;

const LEVELS_MAX = 20;

/** One line per problem: path, value, and what was expected. */
export function* conditionProblems(
  path: string,
  condition: Condition,
  reservedAttribute: string,
  level = 1,
): Generator<string> {
  if (level > LEVELS_MAX) {
    yield `${path} must not be a condition inside more than ${LEVELS_MAX} others`;
    return;
  }
  yield* operatorProblems(path, condition);
  if (condition.attribute === reservedAttribute)
    yield `${path}.attribute must not be the reservedAttribute, which Ferry writes, got ${show(reservedAttribute)}`;
  yield* valueProblems(path, condition);
  const { not, and, or } = condition;
  for (const [name, inner] of [...one('not', not), ...each('and', and), ...each('or', or)])
    yield* conditionProblems(`${path}.${name}`, inner, reservedAttribute, level + 1);
}

function* operatorProblems(path: string, condition: Condition): Generator<string> {
  const all = [...OF_ATTRIBUTE, ...OF_CONDITIONS];
  const given = all.filter((name) => condition[name] !== undefined);
  if (given.length !== 1)
    yield `${path} must have exactly one of ${all.join(', ')}, got ${given.join(' and ') || 'none'}`;
  const joins = OF_CONDITIONS.find((name) => condition[name] !== undefined);
  if (joins === undefined && condition.attribute === undefined)
    yield `${path}.attribute is required, and is missing`;
  if (joins !== undefined && condition.attribute !== undefined)
    yield `${path}.attribute must not be beside "${joins}", whose conditions have their own, got ${show(condition.attribute)}`;
}

function* valueProblems(path: string, condition: Condition): Generator<string> {
  const { equals, in: members, beginsWith, between } = condition;
  const values = [
    ...one('equals', equals),
    ...each('in', members),
    ...one('beginsWith', beginsWith),
    ...each('between', between),
  ];
  const problems = values.flatMap(([name, value]) => {
    const problem = valueProblem(value);
    return problem === undefined
      ? []
      : `${path}.${name} must be a value that DynamoDB stores, got ${show(value)}: ${problem}`;
  });
  yield* problems;
  if (beginsWith !== undefined && !['S', 'B'].includes(typeOf(beginsWith)))
    yield `${path}.beginsWith must be of type S or B, got ${show(beginsWith)}`;
  const [low, high] = between ?? [];
  if (low === undefined || high === undefined) return;
  if (!['S', 'N', 'B'].includes(typeOf(low)) || typeOf(low) !== typeOf(high))
    yield `${path}.between must have two values of the same type, S, N or B, got ${show(between)}`;
  else if (problems.length === 0 && compareValues(low, high) > 0)
    yield `${path}.between must have the lowest value first, got ${show(between)}`;
}

function one<T>(name: string, value: T | undefined): Array<[string, T]> {
  return value === undefined ? [] : [[name, value]];
}

function each<T>(name: string, values: readonly T[] = []): Array<[string, T]> {
  return values.map((value, index) => [`${name}.${index}`, value]);
}
