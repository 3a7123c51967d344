// What a replication in both directions may be combined with, and the rules that tell the home of an item.

import { backName } from './names.ts';
import { textIn } from './directions.ts';
import { show } from './problems.ts';
import type { PairKeys } from './replication-rules.ts';
import type { ReplicationConfig, Replications, TwoWayConfig } from './schema.ts';
import { backNameProblem, keysOfBothProblems, wayBackProblems } from './switching-rules.ts';
import { placeOf } from './tables.ts';

/** One line per problem: path, value, and what was expected. */
export function* twoWayProblems(
  path: string,
  replication: ReplicationConfig,
  keys: PairKeys,
): Generator<string> {
  const { direction, twoWay, tombstones } = replication;
  if (direction === 'one-way') {
    if (twoWay !== undefined)
      yield `${path}.twoWay is for "direction": "both", got "one-way"; set the direction, or remove twoWay`;
    if (tombstones === 'insert-check')
      yield `${path}.tombstones: "insert-check" is for "direction": "both" only, where the other direction reads the stream of the destination`;
    return;
  }
  if (twoWay === undefined) {
    yield `${path}.twoWay is required with "direction": "both", and is missing: its "mode" says which writes are replicated`;
    return;
  }
  yield* combinationProblems(path, replication);
  yield* backNameProblem(`${path}.twoWay`, replication.name);
  yield* keysOfBothProblems(`${path}.twoWay`, replication);
  yield* wayBackProblems(`${path}.twoWay`, replication);
  yield* homeProblems(`${path}.twoWay`, replication, twoWay, keys);
  yield* heartbeatProblems(`${path}.heartbeat.key`, replication);
}

function* combinationProblems(path: string, replication: ReplicationConfig): Generator<string> {
  const { switching, projection, source, tombstones, unversionedItems, deadLetters } = replication;
  const without = (setting: string, why: string) =>
    `${path}: "direction": "both" cannot be combined with ${setting}: ${why}`;
  if (switching !== undefined)
    yield without('"switching"', 'both sides are active already; remove one of them');
  if (projection !== undefined)
    yield without(
      '"projection"',
      'an item that is not whole on the other side would come back so; use a one-way replication of another table',
    );
  if (source.kinesisStreamArn !== undefined)
    yield without(
      '"kinesisStreamArn"',
      'its records do not tell in which order an item was written; read the stream of the table',
    );
  if (tombstones !== 'insert-check')
    yield without(
      `"tombstones": ${show(tombstones)}`,
      'each direction looks at what the other one inserts; leave "tombstones" out',
    );
  if (unversionedItems === 'keep')
    yield without(
      '"unversionedItems": "keep"',
      'items that an application wrote would never be replaced; use "replace"',
    );
  if (deadLetters === 'projected')
    yield without('"deadLetters": "projected"', 'a redrive needs the whole record; use "whole"');
  for (const setting of ['bulk', 'reconcile', 'operatorRole'] as const)
    if (replication[setting] !== undefined && replication[setting] !== false)
      yield without(`"${setting}"`, 'it works on one direction; remove it');
}

/** Only the key never changes in the life of an item, and a REMOVE tells it. */
function* homeProblems(
  path: string,
  { source, destination }: ReplicationConfig,
  { mode, home }: TwoWayConfig,
  keys: PairKeys,
): Generator<string> {
  if (mode === 'stamped') {
    if (home !== undefined)
      yield `${path}.home is for "mode": "home", got "stamped", where every item is written in both Regions; remove one of them`;
    return;
  }
  if (home === undefined) {
    yield `${path}.home is required with "mode": "home", and is missing`;
    return;
  }
  const regions = [source.region, destination.region];
  const isOne = (region: string) => regions.includes(region);
  const wrong = (at: string, region: string) =>
    `${path}.home.${at} must be ${regions.join(' or ')}, got ${show(region)}`;
  if (!isOne(home.otherwise)) yield wrong('otherwise', home.otherwise);
  if (home.since !== undefined && !isTime(home.since))
    yield `${path}.home.since must be a time that exists, got ${show(home.since)}`;
  const known = [...keys.source, ...keys.destination];
  for (const [index, rule] of home.rules.entries()) {
    const { region, attribute, prefix, suffix } = rule;
    const before = home.rules.slice(0, index).findIndex((earlier) => covers(earlier, rule));
    if (before >= 0)
      yield `${path}.home.rules.${index} never decides, because the first rule that matches does, and rules.${before} matches all its items; remove it, or put it first`;
    if (!isOne(region)) yield wrong(`rules.${index}.region`, region);
    if ((prefix ?? suffix) === undefined)
      yield `${path}.home.rules.${index} needs a "prefix", a "suffix" or both`;
    if (known.length > 0 && !known.some(({ name, type }) => name === attribute && type === 'S'))
      yield `${path}.home.rules.${index}.attribute must be a key attribute of type S, because the home of an item must not change, got ${show(attribute)}`;
  }
}

type HomeRule = NonNullable<TwoWayConfig['home']>['rules'][number];

/** Whether it matches all that the other one does. */
function covers(rule: HomeRule, { attribute, prefix = '', suffix = '' }: HomeRule): boolean {
  return (
    rule.attribute === attribute &&
    prefix.startsWith(rule.prefix ?? '') &&
    suffix.endsWith(rule.suffix ?? '')
  );
}

/** With whole seconds, and not the 31st of a shorter month. */
function isTime(text: string): boolean {
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toISOString() === text.replace('Z', '.000Z');
}

function* heartbeatProblems(
  path: string,
  { heartbeat, name }: ReplicationConfig,
): Generator<string> {
  if (heartbeat === undefined) return;
  const [, text] = textIn(heartbeat.key) ?? [];
  if (text === undefined)
    yield `${path} needs an attribute of type S, in which the heartbeats of ${name} and ${backName(name)} differ`;
  else if (backName(text).length > 255)
    yield `${path} must have at most 250 characters, because the other direction's ends in -back, got ${text.length}`;
}

/**
 * Nothing else may write the two tables, or read them in both directions: a record that Ferry has written is not
 * replicated any further by the other direction.
 */
export function* otherWriterProblems(replications: Replications): Generator<string> {
  for (const [path, { name, twoWay, source, destination }] of replications) {
    if (twoWay === undefined) continue;
    const own = [placeOf(source), placeOf(destination)];
    for (const [otherPath, other] of replications) {
      if (other.name === name) continue;
      const written = [other.destination, ...(other.twoWay ? [other.source] : [])].map(placeOf);
      const shared = written.find((place) => own.includes(place));
      if (shared !== undefined)
        yield `${path}: "direction": "both" is for two tables that no other replication writes, got ${shared}, which ${otherPath} writes; more than two Regions cannot write each other's tables, because the writes of Ferry are not replicated further. Use one-way replications from one of the two tables, or a global table`;
    }
  }
}
