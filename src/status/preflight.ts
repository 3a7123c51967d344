// What the service tells of two tables -> what is wrong with the pair, what an operator has to decide, and
// what is worth knowing. Each finding says what it means and what to do.

import type { KeyAttribute } from '../config/config.ts';
import type { Item } from '../model/attribute-value.ts';
import { ITEM_BYTES_MAX, itemSizeBytes } from '../model/capacity.ts';
import { streamLabelMs } from '../model/guard.ts';
import { streamAnewCommands, streamOnCommand } from './stream-commands.ts';
import type { TableFacts } from '../model/table-facts.ts';

export interface Finding {
  readonly severity: 'error' | 'warning' | 'note';
  /** Stable, for machines. */
  readonly subject: string;
  /** What is so. */
  readonly says: string;
  /** What it means, and what to do. */
  readonly advice: string;
}

export interface Pair {
  readonly source: TableFacts;
  readonly destination: TableFacts;
  /** Some items of the source. */
  readonly sample: readonly Item[];
  readonly reservedAttribute: string;
  /** The key of the heartbeat item, where there is one. */
  readonly heartbeatKey?: Item | undefined;
  readonly nowMs: number;
  /** The stream that the configuration names. */
  readonly configuredStreamArn?: string | undefined;
  /** The KMS keys that the configuration names for existing tables. */
  readonly configuredKeys?: Readonly<Record<'source' | 'destination', string | undefined>>;
}

/** What the version adds to an item at most, with a reserved attribute of an ordinary name. */
const VERSION_BYTES = 120;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Errors first. */
export function preflight(pair: Pair): Finding[] {
  const found = CHECKS.flatMap((check) => check(pair));
  const rank = { error: 0, warning: 1, note: 2 };
  return found.toSorted((a, b) => rank[a.severity] - rank[b.severity]);
}

const CHECKS: ReadonlyArray<(pair: Pair) => Finding[]> = [
  sameTable,
  globalTable,
  notActive,
  keySchema,
  reservedKey,
  heartbeatKeys,
  streamOff,
  streamView,
  otherStream,
  streamAge,
  timeToLive,
  encryption,
  otherKey,
  indexes,
  capacity,
  headroom,
  reserved,
  occupied,
];

function sameTable({ source, destination }: Pair): Finding[] {
  if (nameOf(source) !== nameOf(destination) && !isOneTable(source, destination)) return [];
  return error(
    'same-table',
    `${nameOf(source)} is both source and destination.`,
    'It would replicate to itself. Name another table.',
  );
}

/** ARNs tell Regions and accounts apart, but those of emulators do not; an endpoint has several names. */
function isOneTable(source: TableFacts, destination: TableFacts): boolean {
  if (source.arn !== destination.arn) return false;
  return source.id === undefined
    ? source.endpoint === destination.endpoint
    : source.id === destination.id;
}

/** A write to one replica comes back in the other's stream, and would be replicated again, for ever. */
function globalTable({ source, destination }: Pair): Finding[] {
  const isReplica =
    source.table === destination.table &&
    (source.replicaRegions.includes(destination.region) ||
      destination.replicaRegions.includes(source.region));
  if (!isReplica) return [];
  return error(
    'global-table',
    `${nameOf(source)} and ${nameOf(destination)} are replicas of one global table.`,
    'DynamoDB keeps them equal already; Ferry would go round in circles. Name another destination.',
  );
}

function notActive({ source, destination }: Pair): Finding[] {
  return [source, destination]
    .filter(({ status }) => status !== 'ACTIVE' && status !== 'UPDATING')
    .flatMap((table) =>
      error('not-active', `${nameOf(table)} is ${table.status}.`, adviceOn(table.status)),
    );
}

function adviceOn(status: string): string {
  switch (status) {
    case 'INACCESSIBLE_ENCRYPTION_CREDENTIALS':
      return 'DynamoDB cannot use its KMS key. Give it access to the key again.';
    case 'ARCHIVED':
    case 'ARCHIVING':
      return 'DynamoDB has lost its KMS key. Restore the table from its backup.';
    case 'DELETING':
      return 'It will be gone. Name another table, or make it anew.';
    default:
      return 'Wait until it is ACTIVE.';
  }
}

function keySchema({ source, destination }: Pair): Finding[] {
  const [left, right] = [source, destination].map(({ keys }) => keysText(keys));
  if (left === right) return [];
  return error(
    'key-schema',
    `The keys differ: ${nameOf(source)} has ${left}, ${nameOf(destination)} has ${right}.`,
    'Items could not be told apart. Make a destination with the same keys: `ferry init … --create-destination` prints it.',
  );
}

/** A key is a text, a number or bytes; the version is a map. No item could be written. */
function reservedKey({ source, destination, reservedAttribute }: Pair): Finding[] {
  return [source, destination].flatMap((table) => {
    const inKey = isKey(table.keys, reservedAttribute) ? ['the table'] : [];
    const inIndexes = table.indexes
      .filter(({ keys }) => isKey(keys, reservedAttribute))
      .map(({ name }) => `its index ${name}`);
    const keyed = [...inKey, ...inIndexes];
    if (keyed.length === 0) return [];
    return error(
      'reserved-key',
      `The reserved attribute "${reservedAttribute}" is a key attribute of ${nameOf(table)}: of ${keyed.join(' and ')}.`,
      'Ferry stores the version of each item in that attribute of the twin. Set "reservedAttribute" to a name that no table, index or application uses.',
    );
  });
}

function isKey(keys: readonly KeyAttribute[], attribute: string): boolean {
  return keys.some(({ name }) => name === attribute);
}

/** For a table that the app does not create, the configuration alone cannot tell. */
function heartbeatKeys({ source, heartbeatKey }: Pair): Finding[] {
  if (heartbeatKey === undefined) return [];
  const given = Object.entries(heartbeatKey).map(([name, value]) =>
    attributeText({ name, type: value.S === undefined ? 'N' : 'S' }),
  );
  const wanted = source.keys.map(attributeText);
  if (given.toSorted().join(' ') === wanted.toSorted().join(' ')) return [];
  return error(
    'heartbeat-key',
    `The heartbeat’s key is ${given.join(' and ')}; ${nameOf(source)} has ${wanted.join(' and ')}.`,
    source.keys.some(({ type }) => type === 'B')
      ? 'A table whose key has bytes cannot have a heartbeat. Remove "heartbeat".'
      : 'No heartbeat could be written. Give "heartbeat.key" a value for each key attribute: a text for S, a number for N.',
  );
}

function streamOff({ source }: Pair): Finding[] {
  if (source.stream !== undefined) return [];
  return error(
    'stream',
    `${nameOf(source)} has no stream.`,
    `Turn it on, with new images: \`${streamOnCommand(source)}\`.`,
  );
}

function streamView({ source: { stream, ...source } }: Pair): Finding[] {
  if (stream === undefined || stream.viewType.startsWith('NEW_')) return [];
  return error(
    'stream-view',
    `The stream of ${nameOf(source)} has ${stream.viewType}.`,
    `Ferry writes whole items and needs their new images. A stream’s view cannot be changed: turn it off, and on again: \`${streamAnewCommands(source)}\`. The stream gets another ARN: see that nothing else needs the old one.`,
  );
}

function otherStream({
  source: { stream, ...source },
  configuredStreamArn: named,
}: Pair): Finding[] {
  if (stream === undefined || named === undefined || named === stream.arn) return [];
  return error(
    'other-stream',
    `The configuration names the stream ${named}; that of ${nameOf(source)} is ${stream.arn}.`,
    'It has been turned off and on since. Correct "streamArn", and deploy again.',
  );
}

function streamAge({ source, nowMs }: Pair): Finding[] {
  const madeMs = streamLabelMs(source.stream?.arn ?? '');
  if (madeMs === undefined) return [];
  const horizonMs = Math.max(madeMs, nowMs - DAY_MS);
  const since = new Date(horizonMs).toISOString();
  return note(
    'stream-age',
    `The stream tells of changes since ${since}.`,
    'Items that were written before are not in it: `ferry backfill` copies them once the replication is deployed.',
  );
}

function timeToLive({ source, destination }: Pair): Finding[] {
  const [from, to] = [source.timeToLiveAttribute, destination.timeToLiveAttribute];
  if (from === to && from === undefined) return [];
  if (from !== undefined && to === undefined) {
    return note(
      'ttl',
      `Items of ${nameOf(source)} expire by "${from}", those of the twin do not.`,
      'Their deletes are replicated, as long as "ttlDeletes" is "replicate", which it is by default.',
    );
  }
  if (from === to) {
    return warning(
      'ttl',
      `Items expire by "${from}" on both sides.`,
      'Replicating their deletes, too, costs writes for nothing: set "ttlDeletes" to "skip".',
    );
  }
  return warning(
    'ttl',
    `Items of ${nameOf(destination)} expire by "${to}", those of ${nameOf(source)} ${from === undefined ? 'do not expire' : `by "${from}"`}.`,
    'The twin would lose items that the source has. Turn its TTL off.',
  );
}

function encryption({ source, destination }: Pair): Finding[] {
  return [source, destination].flatMap((table) =>
    table.kmsKeyArn === undefined
      ? []
      : note(
          'encryption',
          `${nameOf(table)} is encrypted with ${table.kmsKeyArn}.`,
          'If it is a customer managed key, its policy must let the function’s role use it; "kmsKeyArn" lets the role ask for it.',
        ),
  );
}

/** The roles of the replication may use the key that is named, and no other. */
function otherKey({ configuredKeys, ...tables }: Pair): Finding[] {
  return (['source', 'destination'] as const).flatMap((side) => {
    const [table, named] = [tables[side], configuredKeys?.[side]];
    if (named === undefined || table.kmsKeyArn === undefined) return [];
    if (named === table.kmsKeyArn) return [];
    return error(
      'other-key',
      `The configuration names the key ${named} for ${nameOf(table)}, which is encrypted with ${table.kmsKeyArn}.`,
      `Correct "${side}.kmsKeyArn", and deploy again. Until then, every request of the function is denied.`,
    );
  });
}

/** An index of the twin that the source lacks can refuse items that the source takes. */
function indexes({ source, destination }: Pair): Finding[] {
  const known = new Set(
    [...source.keys, ...source.indexes.flatMap(({ keys }) => keys)].map(attributeText),
  );
  return destination.indexes.flatMap(({ name, keys }) => {
    const strange = keys.map(attributeText).filter((text) => !known.has(text));
    if (strange.length === 0) return [];
    return warning(
      'index',
      `The index ${name} of ${nameOf(destination)} is by ${strange.join(' and ')}, and no index of the source is.`,
      'The twin refuses items that have another type, or an empty value, there: they become dead letters.',
    );
  });
}

function capacity({ source, destination }: Pair): Finding[] {
  if (destination.billing === 'on-demand') return [];
  const { writeUnits } = destination.billing;
  if (source.billing !== 'on-demand' && source.billing.writeUnits <= writeUnits) return [];
  const from = source.billing === 'on-demand' ? 'is on-demand' : `has ${source.billing.writeUnits}`;
  return warning(
    'capacity',
    `${nameOf(destination)} has ${writeUnits} write units, ${nameOf(source)} ${from}.`,
    'The twin may fall behind while the source is busy. Make it on-demand, or raise it.',
  );
}

function headroom({ source, sample }: Pair): Finding[] {
  const largest = Math.max(0, ...sample.map((item) => itemSizeBytes(item)));
  if (largest + VERSION_BYTES <= ITEM_BYTES_MAX) return [];
  return warning(
    'item-size',
    `${nameOf(source)} has an item of ${largest} bytes.`,
    `With its version, about ${VERSION_BYTES} bytes, it no longer fits into the 400 KB of an item: such items become dead letters.`,
  );
}

function reserved({ source, sample, reservedAttribute }: Pair): Finding[] {
  if (!sample.some((item) => item[reservedAttribute] !== undefined)) return [];
  return warning(
    'reserved-attribute',
    `Items of ${nameOf(source)} have the attribute "${reservedAttribute}".`,
    'On the twin it is Ferry’s, and replaced. If it is your application’s, choose another "reservedAttribute".',
  );
}

function occupied({ destination }: Pair): Finding[] {
  if (destination.items === 0) return [];
  return warning(
    'occupied',
    `${nameOf(destination)} has about ${destination.items} items.`,
    'Items that Ferry did not write are replaced when their source changes, unless "unversionedItems" is "keep". `ferry verify` lists what differs.',
  );
}

function nameOf({ region, table }: Pick<TableFacts, 'region' | 'table'>): string {
  return `${region}/${table}`;
}

function attributeText({ name, type }: KeyAttribute): string {
  return `"${name}" (${type})`;
}

function keysText(keys: readonly KeyAttribute[]): string {
  return keys.map(attributeText).join(' and ');
}

function error(subject: string, says: string, advice: string): Finding[] {
  return [{ severity: 'error', subject, says, advice }];
}

function warning(subject: string, says: string, advice: string): Finding[] {
  return [{ severity: 'warning', subject, says, advice }];
}

function note(subject: string, says: string, advice: string): Finding[] {
  return [{ severity: 'note', subject, says, advice }];
}
