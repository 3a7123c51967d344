// What a replication that can be switched may be combined with, and the one name that is taken for ways back.

import { isOtherAccount, isOtherPartition } from './accounts.ts';
import { backName, isBackName, NAME_PATTERN } from './names.ts';
import { show } from './problems.ts';
import { arnProblems, ownerProblem } from './regions.ts';
import type { ReplicationConfig, Replications } from './schema.ts';
import { placeOf } from './tables.ts';

/** One line per problem: path, value, and what was expected. */
export function* switchingProblems(replications: Replications): Generator<string> {
  for (const [path, replication] of replications) {
    if (isBackName(replication.name))
      yield `${path}.name must not end in -back, which names the other direction of a replication, got ${show(replication.name)}`;
    if (replication.switching === undefined) continue;
    yield* combinationProblems(`${path}.switching`, replication);
    yield* partitionProblem(`${path}.switching`, replication);
    yield* wayBackProblems(`${path}.switching`, replication);
    yield* tallyProblems(`${path}.switching.tally`, replication);
    yield* otherReaderProblems(path, replication, replications);
  }
}

function* combinationProblems(path: string, replication: ReplicationConfig): Generator<string> {
  const { name, projection, unversionedItems, ttlDeletes } = replication;
  const without = (setting: string, why: string) =>
    `${path} cannot be combined with ${setting}: ${why}; remove one of them`;
  yield* backNameProblem(path, name);
  if (projection !== undefined)
    yield without('"projection"', 'a twin that is not the whole source cannot become the source');
  if (unversionedItems === 'keep')
    yield without(
      '"unversionedItems": "keep"',
      'after a switch, the items of the application have no version, and would never be replaced',
    );
  if (ttlDeletes === 'skip')
    yield without(
      '"ttlDeletes": "skip"',
      'a switch compares the tables, and would find every skipped expiry different',
    );
  yield* keysOfBothProblems(path, replication);
}

export function* backNameProblem(path: string, name: string): Generator<string> {
  if (!new RegExp(`^${NAME_PATTERN}$`).test(backName(name)))
    yield `${path} needs a name of at most 25 characters, because the other direction is named ${backName(name)}, got ${show(name)}`;
}

export function* keysOfBothProblems(
  path: string,
  { encryption = {} }: ReplicationConfig,
): Generator<string> {
  if (encryption.destinationKmsKeyArn !== undefined && encryption.kmsKeyArn === undefined)
    yield `${path} needs encryption.kmsKeyArn beside encryption.destinationKmsKeyArn, because both Regions have queues, functions and a state table, and it is missing`;
  for (const resource of Object.keys(encryption)) {
    if (resource !== 'kmsKeyArn' && resource !== 'destinationKmsKeyArn')
      yield `${path} can be combined with encryption.kmsKeyArn and encryption.destinationKmsKeyArn only, which are used in both directions, got encryption.${resource}`;
  }
}

function* partitionProblem(path: string, replication: ReplicationConfig): Generator<string> {
  const { source, destination } = replication;
  if (isOtherPartition(replication) || destination.credentials !== undefined)
    yield `${path} needs both tables in one partition, whose roles can reach both; got ${source.region} and ${destination.region}`;
}

/** What the way back needs: a Region, a stream and a state table of its own. */
export function* wayBackProblems(path: string, replication: ReplicationConfig): Generator<string> {
  const { source, destination, stateTable } = replication;
  const back = replication.switching ?? replication.twoWay;
  if (back === undefined) return;
  if (source.region === destination.region)
    yield `${path} needs two Regions, got ${source.region} for both`;
  const { streamArn } = back;
  if (destination.create && streamArn !== undefined)
    yield `${path}: "streamArn" names the stream of an existing destination, and "create": true makes a new one; remove one of them`;
  if (!destination.create && streamArn === undefined)
    yield `${path}.streamArn is required for an existing destination, whose changes are replicated by the other direction, and is missing`;
  if (streamArn !== undefined) yield* streamProblems(`${path}.streamArn`, streamArn, destination);
  if (back.stateTable === source.table || back.stateTable === stateTable)
    yield `${path}.stateTable must be a table that nothing else uses, got ${show(back.stateTable)}`;
}

function* streamProblems(
  path: string,
  streamArn: string,
  table: ReplicationConfig['destination'],
): Generator<string> {
  // An emulator has a Region of its own making.
  if (table.endpoint === undefined) {
    yield* arnProblems(path, streamArn, { table, what: 'a stream' });
    yield* ownerProblem(path, streamArn, table.account, 'destination');
  }
  const named = streamArn.split('/')[1];
  if (named !== table.table)
    yield `${path} must be a stream of ${table.table}, got one of ${named}`;
}

/** It is reached by the side that is to be active, and it must say the same to both. */
function* tallyProblems(path: string, replication: ReplicationConfig): Generator<string> {
  const { source, destination, switching: { tally } = {} } = replication;
  if (tally === undefined) return;
  if ([source.region, destination.region].includes(tally.region))
    yield `${path}.region must be a third Region, got ${tally.region}`;
  if (isOtherAccount(replication))
    yield `${path} needs both tables in one account, which has the table of the tally, too`;
}

/** Either table may be written by Ferry, and either stream has two readers: a function, and an operator who switches. */
function* otherReaderProblems(
  path: string,
  { name, source, destination }: ReplicationConfig,
  replications: Replications,
): Generator<string> {
  const own = [placeOf(source), placeOf(destination)];
  for (const [otherPath, other] of replications) {
    if (other.name === name) continue;
    const shared = [placeOf(other.source), placeOf(other.destination)].find((place) =>
      own.includes(place),
    );
    if (shared !== undefined)
      yield `${path}.switching needs tables that no other replication uses, got ${shared}, which is also of ${otherPath}`;
  }
}
