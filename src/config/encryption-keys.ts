// Customer managed keys: the key of each resource that the app creates, from the settings of a replication, and
// what is wrong with the keys that it names.
//
// A key belongs to one Region. A multi-Region key has a replica in each of its Regions, with the same key ID.

import type { EncryptionConfig, ReplicationConfig, Replications, TableConfig } from './schema.ts';
import { isOtherAccount, isOtherPartition } from './accounts.ts';
import { arnProblems } from './regions.ts';
import { placeOf } from './tables.ts';

/** Instead of a key: the encryption that the service has by itself. */
const NO_KEY = 'none';

export type KeyedResource = Exclude<keyof EncryptionConfig, 'kmsKeyArn' | 'destinationKmsKeyArn'>;

type Keyed = Pick<ReplicationConfig, 'encryption' | 'source' | 'destination'>;

/** The customer managed key of what the app creates; undefined where it has none. */
export function keyOf(replication: Keyed, resource: KeyedResource): string | undefined {
  const { encryption } = replication;
  const named =
    encryption?.[resource] ??
    (resource === 'stateTable' ? destinationKey(replication) : encryption?.kmsKeyArn);
  return named === NO_KEY ? undefined : named;
}

/** For tables that the app creates in the destination's Region. */
export function destinationKey({ encryption, source, destination }: Keyed): string | undefined {
  const { kmsKeyArn, destinationKmsKeyArn } = encryption ?? {};
  if (destinationKmsKeyArn !== undefined || kmsKeyArn === undefined) return destinationKmsKeyArn;
  if (isElsewhere({ source, destination })) return undefined;
  if (source.region === destination.region) return kmsKeyArn;
  return isMultiRegion(kmsKeyArn) ? replicaArn(kmsKeyArn, destination.region) : undefined;
}

/** A key and its replicas belong to one account. */
function isElsewhere(sides: Pick<Keyed, 'source' | 'destination'>): boolean {
  return isOtherAccount(sides) || isOtherPartition(sides);
}

function isMultiRegion(keyArn: string): boolean {
  return keyArn.includes(':key/mrk-');
}

function replicaArn(keyArn: string, region: string): string {
  return keyArn.split(':').with(3, region).join(':');
}

/**
 * The replications with the key of each table that the app creates, also where another setting names the
 * table: readers and writers of the table need the key.
 */
export function withTableKeys(replications: Replications): ReplicationConfig[] {
  const created = createdTables(replications);
  const keyed = <T extends TableConfig>(table: T): T => {
    const kmsKeyArn = table.kmsKeyArn ?? created.get(placeOf(table))?.keyArn;
    return kmsKeyArn === undefined ? table : { ...table, kmsKeyArn };
  };
  return [...replications.values()].map((replication) => ({
    ...replication,
    source: keyed(replication.source),
    destination: keyed(replication.destination),
  }));
}

interface CreatedTable {
  /** Of the setting that creates it. */
  readonly path: string;
  readonly table: TableConfig;
  readonly keyArn: string | undefined;
}

/** The tables that the app creates as `"create": true` describes them, by place. */
export function createdTables(replications: Replications): ReadonlyMap<string, CreatedTable> {
  const tables = new Map<string, CreatedTable>();
  for (const [path, replication] of replications) {
    const { source, destination, encryption } = replication;
    const add = (side: string, table: TableConfig, forAll: string | undefined) => {
      const keyArn = table.kmsKeyArn ?? forAll;
      if (table.create) tables.set(placeOf(table), { path: `${path}.${side}`, table, keyArn });
    };
    add('source', source, encryption?.kmsKeyArn);
    add('destination', destination, destinationKey(replication));
  }
  return tables;
}

/** One line for each key that cannot encrypt what it is named for. */
export function* keyProblems(replications: Replications): Generator<string> {
  const created = createdTables(replications);
  for (const [path, replication] of replications) {
    const { source, destination, encryption = {} } = replication;
    for (const [side, table] of Object.entries({ source, destination })) {
      yield* placeProblems(`${path}.${side}.kmsKeyArn`, table.kmsKeyArn, table);
      yield* otherKeyProblems(`${path}.${side}`, table, created);
    }
    for (const [name, keyArn] of Object.entries(encryption)) {
      const table = IN_DESTINATION.includes(name) ? destination : source;
      yield* placeProblems(`${path}.encryption.${name}`, keyArn, table);
    }
    yield* missingKeyProblems(path, replication);
  }
}

/** The settings of "encryption" whose key is in the Region of the destination. */
const IN_DESTINATION = ['destinationKmsKeyArn', 'stateTable'];

function* placeProblems(path: string, arn = NO_KEY, table: TableConfig): Generator<string> {
  if (arn === NO_KEY) return;
  const advice = isMultiRegion(arn) ? `; name its replica ${replicaArn(arn, table.region)}` : '';
  yield* arnProblems(path, arn, { table, what: 'a key', advice });
}

/** A table has one key, whichever setting names the table. */
function* otherKeyProblems(
  path: string,
  table: TableConfig,
  created: ReadonlyMap<string, CreatedTable>,
): Generator<string> {
  const creator = created.get(placeOf(table));
  if (table.create || table.kmsKeyArn === undefined || creator === undefined) return;
  if (table.kmsKeyArn === creator.keyArn) return;
  yield `${path}.kmsKeyArn must be the key with which ${creator.path} creates the table, ${creator.keyArn ?? 'none'}, got ${table.kmsKeyArn}`;
}

/** Without this rule, "encryption.kmsKeyArn" would silently leave out the tables of the other Region. */
function* missingKeyProblems(path: string, replication: ReplicationConfig): Generator<string> {
  const { encryption, destination } = replication;
  if (encryption?.kmsKeyArn === undefined || destinationKey(replication) !== undefined) return;
  const wanting = [
    ...(encryption.stateTable === undefined ? ['the state table'] : []),
    ...(destination.create && destination.kmsKeyArn === undefined ? ['the destination table'] : []),
  ];
  if (wanting.length === 0) return;
  const own = isElsewhere(replication) ? 'of another account' : 'in one other Region';
  yield `${path}.encryption.destinationKmsKeyArn is required, a key in ${destination.region} for ${wanting.join(' and ')}: encryption.kmsKeyArn is a key ${own}`;
}
