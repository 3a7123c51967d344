// The rules of a configuration that its schema cannot say: each is about two settings or more.

import { CHECKED_TIMEOUT_SECONDS_MAX } from './contract.ts';
import type { KeyAttribute, ReplicationConfig, SourceConfig, TableConfig } from './config.ts';

/** One line per problem: path, value, and what was expected. `replications` are by their index. */
export function* ruleProblems(
  replications: ReadonlyMap<number, ReplicationConfig>,
): Generator<string> {
  for (const [index, replication] of replications) {
    const path = `replications.${index}`;
    yield* tableProblems(`${path}.source`, replication.source);
    yield* tableProblems(`${path}.destination`, replication.destination);
    yield* streamProblems(`${path}.source`, replication.source);
    yield* pairProblems(path, replication);
    yield* heartbeatProblems(path, replication);
    yield* timeoutProblems(path, replication);
  }
  yield* duplicateProblems(replications);
  yield* circleProblems([...replications.values()]);
}

function* tableProblems(path: string, table: TableConfig): Generator<string> {
  const { create, region, partitionKey, sortKey, kmsKeyArn } = table;
  if (create && partitionKey === undefined) {
    yield `${path}.partitionKey is required when "create" is true, and is missing`;
  }
  if (!create && (partitionKey ?? sortKey) !== undefined) {
    yield `${path}: "partitionKey" and "sortKey" are for tables with "create": true; an existing table keeps its own`;
  }
  if (create && kmsKeyArn !== undefined) {
    yield `${path}.kmsKeyArn is for existing tables; a created table uses an AWS managed key`;
  }
  const keyRegion = kmsKeyArn?.split(':')[3];
  if (keyRegion !== undefined && keyRegion !== region) {
    yield `${path}.kmsKeyArn must be a key in ${region}, got one in ${keyRegion}`;
  }
  if (sortKey !== undefined && sortKey.name === partitionKey?.name) {
    yield `${path}.sortKey.name must differ from the partition key's, got ${show(sortKey.name)} for both`;
  }
}

function* streamProblems(
  path: string,
  { create, streamArn, region, table, endpoint }: SourceConfig,
): Generator<string> {
  if (create && streamArn !== undefined) {
    yield `${path}: "streamArn" names an existing stream, and "create": true makes a new one; remove one of them`;
  }
  if (!create && streamArn === undefined) {
    yield `${path}: "streamArn" is required for an existing table, and is missing; or set "create": true`;
  }
  const [, , , streamRegion, , resource] = streamArn?.split(':') ?? [];
  // An emulator has a Region of its own making.
  if (streamRegion !== undefined && streamRegion !== region && endpoint === undefined) {
    yield `${path}.streamArn must be a stream in ${region}, got one in ${streamRegion}`;
  }
  const streamTable = resource?.split('/')[1];
  if (streamTable !== undefined && streamTable !== table) {
    yield `${path}.streamArn must be a stream of ${table}, got one of ${streamTable}`;
  }
}

function* pairProblems(path: string, replication: ReplicationConfig): Generator<string> {
  const { source, destination, stateTable, reservedAttribute, timestampAttribute } = replication;
  if (timestampAttribute === reservedAttribute) {
    yield `${path}.timestampAttribute must differ from reservedAttribute, got ${show(timestampAttribute)} for both`;
  }
  if (reservedAttribute in {}) {
    yield `${path}.reservedAttribute must not be a name that every JavaScript object has, got ${show(reservedAttribute)}`;
  }
  if (stateTable === destination.table) {
    yield `${path}.stateTable must be another table than the destination, got ${show(stateTable)} for both`;
  }
  const keys = [source.partitionKey, source.sortKey, destination.partitionKey, destination.sortKey];
  if (keys.some((key) => key?.name === reservedAttribute)) {
    yield `${path}.reservedAttribute must not be a key attribute, got ${show(reservedAttribute)}`;
  }
  if (source.create && destination.create && keyText(source) !== keyText(destination)) {
    yield `${path}.destination must have the same keys as the source: ${keyText(source)}, got ${keyText(destination)}`;
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

/** Of an existing table, only DynamoDB knows the keys. */
function* heartbeatProblems(
  path: string,
  { heartbeat, source }: ReplicationConfig,
): Generator<string> {
  if (heartbeat === undefined || !source.create) return;
  const given = Object.entries(heartbeat.key)
    .map(([name, value]) => `${name} (${typeof value === 'string' ? 'S' : 'N'})`)
    .toSorted();
  const wanted = keyText(source).split(', ').toSorted();
  if (given.join(', ') !== wanted.join(', ')) {
    yield `${path}.heartbeat.key must have the source's keys: ${keyText(source)}, got ${given.join(', ')}`;
  }
}

function keyText({ partitionKey, sortKey }: TableConfig): string {
  const text = (key: KeyAttribute | undefined) =>
    key === undefined ? [] : [`${key.name} (${key.type})`];
  return [...text(partitionKey), ...text(sortKey)].join(', ');
}

/** Names are for stacks and tombstones; versions of two sources cannot be compared in one destination. */
function* duplicateProblems(
  replications: ReadonlyMap<number, ReplicationConfig>,
): Generator<string> {
  const names = new Set<string>();
  const destinations = new Set<string>();
  for (const [index, { name, destination }] of replications) {
    if (names.has(name)) yield `replications.${index}.name must be unique, got ${show(name)} twice`;
    names.add(name);
    const place = placeOf(destination);
    if (destinations.has(place)) {
      yield `replications.${index}.destination must have one source only, got ${place} twice`;
    }
    destinations.add(place);
  }
}

/**
 * A record that comes back to a table it came from would be written there as a new change, over what
 * the application has written since, and go round for ever.
 */
function* circleProblems(replications: readonly ReplicationConfig[]): Generator<string> {
  for (const { name, source, destination } of replications) {
    const start = placeOf(source);
    const reached = new Set([placeOf(destination)]);
    for (const place of reached) {
      for (const next of replications) {
        if (placeOf(next.source) === place) reached.add(placeOf(next.destination));
      }
    }
    if (reached.has(start)) {
      yield `replication ${show(name)} must not lead back to its source, got a way from ${start} to itself`;
    }
  }
}

/** Endpoints are left out: two of them may lead to the same table. */
function placeOf({ region, table }: TableConfig): string {
  return `${region}/${table}`;
}

/** A value for a message, at most a line of it. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
