// The facts of a pair of tables -> its entry in a configuration file, with or without defaults beside it.

import { difference } from '../config/without-defaults.ts';
import type { ProjectionConfig, ReplicationConfig, TableConfig } from '../config/schema.ts';
import type { KinesisFacts } from '../model/kinesis-facts.ts';
import { accountOf, type TableFacts } from '../model/table-facts.ts';

type DestinationConfig = ReplicationConfig['destination'];

const SIDES = ['source', 'destination'] as const;
export type Side = (typeof SIDES)[number];

export interface PairFacts {
  readonly source: TableFacts;
  readonly destination: TableFacts;
  /** Where the changes are read from a Kinesis stream, and not from the stream of the source. */
  readonly kinesis?: KinesisFacts | undefined;
}

/** How the commands, and in another partition the functions, get the credentials of a side. */
export type Reach = Partial<Pick<DestinationConfig, 'profile' | 'credentials'>>;

/** The same for all tables of a side. */
type Place = Partial<Pick<TableConfig, 'region' | 'account' | 'endpoint'>> & Reach;

export interface Entry {
  readonly name: string;
  readonly source: object;
  readonly destination: object;
}

/** What all replications of a file have unless they say otherwise, as far as it matters here. */
export interface FileDefaults {
  readonly source?: Partial<TableConfig>;
  readonly destination?: Partial<DestinationConfig>;
  readonly reservedAttribute?: string;
  readonly projection?: ProjectionConfig;
}

export interface EntryOptions {
  readonly reach: Readonly<Record<Side, Reach>>;
  /** Whether other replications of the file name their accounts: then all have to. */
  readonly namesAccounts: boolean;
}

/** A whole entry, for a file without defaults. */
export function entryOf(name: string, pair: PairFacts, options: EntryOptions): Entry {
  const { stream, ...source } = pair.source;
  return {
    name,
    source: {
      ...placeOf('source', pair, options),
      ...tableOf(source),
      ...(pair.kinesis ? kinesisOf(pair.kinesis) : stream && { streamArn: stream.arn }),
    },
    destination: { ...placeOf('destination', pair, options), ...tableOf(pair.destination) },
  };
}

/** An alias or an id of a key is no `kinesisKmsKeyArn`. */
function kinesisOf({ streamArn, retentionHours, keyId = '' }: KinesisFacts) {
  const isKey = /^arn:.*:key\//.test(keyId);
  return {
    kinesisStreamArn: streamArn,
    kinesisRetentionHours: retentionHours,
    ...(isKey && { kinesisKmsKeyArn: keyId }),
  };
}

/** The defaults of a file in which all pairs are between the same two places. */
export function defaultsFor(pair: PairFacts, options: EntryOptions): FileDefaults {
  const [source, destination] = SIDES.map((side) => placeOf(side, pair, options));
  return { ...(source && { source }), ...(destination && { destination }) };
}

/** An entry without what the defaults say. */
export function withoutUsual(entry: Entry, defaults: FileDefaults): object {
  const existing = SIDES.map((side) =>
    defaults[side]?.create === true
      ? [side, { ...entry[side], create: false }]
      : [side, entry[side]],
  );
  return difference({ ...entry, ...(Object.fromEntries(existing) as object) }, defaults);
}

function placeOf(side: Side, pair: PairFacts, { reach, namesAccounts }: EntryOptions): Place {
  const { region, endpoint } = pair[side];
  const { profile, credentials } = reach[side];
  const account = namesAccounts || isApart(pair) ? accountOf(pair[side]) : undefined;
  return {
    region,
    ...(account !== undefined && { account }),
    ...(profile !== undefined && { profile }),
    ...(credentials !== undefined && { credentials }),
    ...(endpoint !== undefined && { endpoint }),
  };
}

/** Whether the tables are in two accounts. */
export function isApart({ source, destination }: PairFacts): boolean {
  if (source.endpoint !== undefined || destination.endpoint !== undefined) return false;
  return accountOf(source) !== accountOf(destination);
}

function tableOf({ table, kmsKeyArn }: Pick<TableFacts, 'table' | 'kmsKeyArn'>) {
  return { table, ...(kmsKeyArn !== undefined && { kmsKeyArn }) };
}
