// The rules about one replication that its schema cannot say: each is about two settings or more.

import { numberProblem } from '../text/dynamodb-number.ts';
import { CHECKED_TIMEOUT_SECONDS_MAX } from './names.ts';
import { kinesisProblems } from './kinesis-rules.ts';
import { show } from './problems.ts';
import { arnProblems, ownerProblem } from './regions.ts';
import type { KeyAttribute, ReplicationConfig, SourceConfig, TableConfig } from './schema.ts';

/** Of an existing table that the app does not create elsewhere, only DynamoDB knows the keys: none here. */
export interface PairKeys {
  readonly source: readonly KeyAttribute[];
  readonly destination: readonly KeyAttribute[];
}

export function keysOf({ partitionKey, sortKey }: TableConfig): readonly KeyAttribute[] {
  return [partitionKey, sortKey].filter((key) => key !== undefined);
}

/** One line per problem: path, value, and what was expected. */
export function* replicationProblems(
  path: string,
  replication: ReplicationConfig,
  keys: PairKeys = {
    source: keysOf(replication.source),
    destination: keysOf(replication.destination),
  },
): Generator<string> {
  yield* tableProblems(`${path}.source`, replication.source);
  yield* tableProblems(`${path}.destination`, replication.destination);
  yield* streamProblems(`${path}.source`, replication.source);
  yield* kinesisProblems(path, replication);
  yield* attributeProblems(path, replication, keys);
  yield* heartbeatProblems(path, replication, keys);
  yield* timeoutProblems(path, replication);
  yield* topicProblems(`${path}.alarms`, replication);
}

function* tableProblems(path: string, table: TableConfig): Generator<string> {
  const { create, partitionKey, sortKey } = table;
  if (create && partitionKey === undefined) {
    yield `${path}.partitionKey is required when "create" is true, and is missing`;
  }
  if (!create && (partitionKey ?? sortKey) !== undefined) {
    yield `${path}: "partitionKey" and "sortKey" are for tables with "create": true; an existing table keeps its own`;
  }
  if (sortKey !== undefined && sortKey.name === partitionKey?.name) {
    yield `${path}.sortKey.name must differ from the partition key's, got ${show(sortKey.name)} for both`;
  }
}

function* streamProblems(path: string, source: SourceConfig): Generator<string> {
  const { create, streamArn, table, endpoint, account } = source;
  if (create && streamArn !== undefined) {
    yield `${path}: "streamArn" names an existing stream, and "create": true makes a new one; remove one of them`;
  }
  if (streamArn === undefined) return;
  // An emulator has a Region of its own making.
  if (endpoint === undefined) {
    yield* arnProblems(`${path}.streamArn`, streamArn, { table: source, what: 'a stream' });
    yield* ownerProblem(`${path}.streamArn`, streamArn, account);
  }
  const [, streamTable] = streamArn.split('/');
  if (streamTable !== table) {
    yield `${path}.streamArn must be a stream of ${table}, got one of ${streamTable}`;
  }
}

function* attributeProblems(
  path: string,
  { reservedAttribute, timestampAttribute }: ReplicationConfig,
  { source, destination }: PairKeys,
): Generator<string> {
  if (timestampAttribute === reservedAttribute) {
    yield `${path}.timestampAttribute must differ from reservedAttribute, got ${show(timestampAttribute)} for both`;
  }
  if (reservedAttribute in {}) {
    yield `${path}.reservedAttribute must not be a name that every JavaScript object has, got ${show(reservedAttribute)}`;
  }
  if ([...source, ...destination].some(({ name }) => name === reservedAttribute)) {
    yield `${path}.reservedAttribute must not be a key attribute, got ${show(reservedAttribute)}`;
  }
  const [from, to] = [keyText(source), keyText(destination)];
  if (source.length > 0 && destination.length > 0 && from !== to) {
    yield `${path}.destination must have the same keys as the source: ${from}, got ${to}`;
  }
}

function* timeoutProblems(
  path: string,
  { tombstones, function: { timeoutSeconds } }: ReplicationConfig,
): Generator<string> {
  if (tombstones === 'checked' && timeoutSeconds > CHECKED_TIMEOUT_SECONDS_MAX) {
    yield `${path}.function.timeoutSeconds must be at most ${CHECKED_TIMEOUT_SECONDS_MAX} with "checked" tombstones, whose deletes are looked at again within the 900 s that SQS delays a message, got ${timeoutSeconds}`;
  }
}

function* topicProblems(
  path: string,
  { alarms: { topicArn, email }, source }: ReplicationConfig,
): Generator<string> {
  if (topicArn === undefined) return;
  yield* arnProblems(`${path}.topicArn`, topicArn, { table: source, what: 'a topic' });
  if (email !== undefined)
    yield `${path}.email is for a topic of the replication, and topicArn names another; subscribe the address to that topic`;
}

function* heartbeatProblems(
  path: string,
  { heartbeat, reservedAttribute }: ReplicationConfig,
  { source }: PairKeys,
): Generator<string> {
  if (heartbeat === undefined) return;
  for (const [name, value] of Object.entries(heartbeat.key)) {
    if (!/^.{1,255}$/su.test(name)) {
      yield `${path}.heartbeat.key must have attribute names of 1 to 255 characters, got ${show(name)}`;
    }
    const at = `${path}.heartbeat.key.${name}`;
    if (name === reservedAttribute) {
      yield `${at} must not be the reservedAttribute, which is never part of a key`;
    }
    if (typeof value === 'number' && numberProblem(String(value)) !== undefined) {
      yield `${at} must be 0, or between 1e-130 and 1e126 in size, as DynamoDB stores numbers, got ${value}`;
    }
  }
  const given = Object.entries(heartbeat.key)
    .map(([name, value]) => `${name} (${typeof value === 'string' ? 'S' : 'N'})`)
    .toSorted();
  const wanted = source.map((key) => keyText([key])).toSorted();
  if (wanted.length > 0 && given.join(', ') !== wanted.join(', ')) {
    yield `${path}.heartbeat.key must have the source's keys: ${keyText(source)}, got ${given.join(', ')}`;
  }
}

function keyText(keys: readonly KeyAttribute[]): string {
  return keys.map(({ name, type }) => `${name} (${type})`).join(', ');
}
