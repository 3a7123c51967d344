// Findings about the two tables themselves: their identity, state, expiry, encryption, capacity and items.

import { ITEM_BYTES_MAX, itemSizeBytes, VERSION_BYTES } from '../model/capacity.ts';
import { fateOf } from './projected-attribute.ts';
import { type Check, error, type Finding, nameOf, note, type Pair, warning } from './finding.ts';
import { accountOf, type TableFacts } from '../model/table-facts.ts';

export const TABLE_CHECKS: readonly Check[] = [
  sameTable,
  notActive,
  timeToLive,
  encryption,
  otherKey,
  capacity,
  headroom,
  reserved,
  occupied,
];

function sameTable({ source, destination }: Pair): Finding[] {
  const isOnePlace = nameOf(source) === nameOf(destination) && !isApart(source, destination);
  if (!isOnePlace && !isOneTable(source, destination)) return [];
  return error(
    'same-table',
    `${nameOf(source)} is both source and destination.`,
    'The table would replicate to itself. Name another table.',
  );
}

/** In one Region, but in two accounts. */
function isApart(source: TableFacts, destination: TableFacts): boolean {
  const [from, to] = [source, destination].map(accountOf);
  return from !== undefined && to !== undefined && from !== to;
}

/** ARNs differ by Region and account, except those of emulators. An endpoint can have several names. */
function isOneTable(source: TableFacts, destination: TableFacts): boolean {
  if (source.arn !== destination.arn) return false;
  return source.id === undefined
    ? source.endpoint === destination.endpoint
    : source.id === destination.id;
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
      return 'DynamoDB cannot use the KMS key of the table. Allow it to use the key again.';
    case 'ARCHIVED':
    case 'ARCHIVING':
      return 'DynamoDB has lost access to the KMS key of the table. Restore the table from its backup.';
    case 'DELETING':
      return 'DynamoDB is deleting the table. Name another table, or create it again.';
    default:
      return 'Wait until the table is ACTIVE.';
  }
}

function timeToLive({ source, destination, projection, isSwitched, bothWays }: Pair): Finding[] {
  if (bothWays !== undefined) return [];
  const [from, to] = [source.timeToLiveAttribute, destination.timeToLiveAttribute];
  if (from === to && from === undefined) return [];
  if (isSwitched === true && from !== undefined) return switchedTimeToLive(source, from, to);
  const [fate, lost] = [from, to].map((name) => name && fateOf(name, projection));
  if (from !== undefined && to === undefined) {
    return note(
      'ttl',
      `Items of ${nameOf(source)} expire by "${from}". Items of the twin do not expire.`,
      'Ferry replicates the deletes of expired items if "ttlDeletes" is "replicate", the default.',
    );
  }
  if (lost) {
    return warning(
      'projection-ttl',
      `The projection ${lost.change} "${to}", by which items of ${nameOf(destination)} expire.`,
      'Items of the twin then do not expire. Ferry replicates the deletes of expired items if "ttlDeletes" is "replicate", the default.',
    );
  }
  if (to === (fate ? fate.to : from)) {
    return warning(
      'ttl',
      `Items expire by "${from}" on both sides${from === to ? '' : `, which is "${to}" on the twin`}.`,
      'Replicating the deletes of expired items costs WCU without effect. Set "ttlDeletes" to "skip".',
    );
  }
  return warning(
    'ttl',
    `Items of ${nameOf(destination)} expire by "${to}". Items of ${nameOf(source)} ${from === undefined ? 'do not expire' : `expire by "${from}"`}.`,
    'The twin would lose items that the source has. Disable the TTL of the twin.',
  );
}

/** What expires on the twin by itself is a delete that the source does not know. */
function switchedTimeToLive(source: TableFacts, from: string, to: string | undefined): Finding[] {
  const rule = 'Enable time to live on the active table only, and move it after a switch.';
  return to === undefined
    ? note('ttl', `Items of ${nameOf(source)} expire by "${from}".`, rule)
    : warning(
        'ttl',
        `Items expire by "${from}"${from === to ? '' : ` and "${to}"`} on both sides.`,
        rule,
      );
}

function encryption({ source, destination }: Pair): Finding[] {
  return [source, destination].flatMap((table) =>
    table.kmsKeyArn === undefined
      ? []
      : note(
          'encryption',
          `${nameOf(table)} is encrypted with ${table.kmsKeyArn}.`,
          'If it is a customer managed key, its key policy must allow the role of the function to use it. "kmsKeyArn" gives the role that permission.',
        ),
  );
}

/** The roles of the replication may use only the configured key. */
function otherKey({ configuredKeys, ...tables }: Pair): Finding[] {
  return (['source', 'destination'] as const).flatMap((side) => {
    const [table, named] = [tables[side], configuredKeys?.[side]];
    if (named === undefined || table.kmsKeyArn === undefined) return [];
    if (named === table.kmsKeyArn) return [];
    return error(
      'other-key',
      `The configuration names the key ${named} for ${nameOf(table)}, but the table is encrypted with ${table.kmsKeyArn}.`,
      `Correct "${side}.kmsKeyArn", and deploy again. Until then, every request of the function is denied.`,
    );
  });
}

function capacity({ source, destination }: Pair): Finding[] {
  if (destination.billing === 'on-demand') return [];
  const { writeUnits } = destination.billing;
  if (source.billing !== 'on-demand' && source.billing.writeUnits <= writeUnits) return [];
  const from =
    source.billing === 'on-demand' ? 'is on-demand' : `has ${source.billing.writeUnits} WCU`;
  return warning(
    'capacity',
    `${nameOf(destination)} has ${writeUnits} WCU. ${nameOf(source)} ${from}.`,
    'Writes to the twin can be throttled, and the twin then falls behind. Use on-demand capacity, or raise the WCU of the twin.',
  );
}

function headroom({ source, sample }: Pair): Finding[] {
  const largest = Math.max(0, ...sample.map((item) => itemSizeBytes(item)));
  if (largest + VERSION_BYTES <= ITEM_BYTES_MAX) return [];
  return warning(
    'item-size',
    `${nameOf(source)} has an item of ${largest} bytes.`,
    `The version of an item adds about ${VERSION_BYTES} bytes. The item then exceeds the limit of 400 KB, and becomes a dead letter.`,
  );
}

function reserved({ source, sample, reservedAttribute }: Pair): Finding[] {
  if (!sample.some((item) => item[reservedAttribute] !== undefined)) return [];
  return warning(
    'reserved-attribute',
    `Items of ${nameOf(source)} have the attribute "${reservedAttribute}".`,
    'Ferry replaces that attribute on the twin. If your application uses it, choose another "reservedAttribute".',
  );
}

function occupied({ destination, bothWays }: Pair): Finding[] {
  // Where applications write it, it has items of its own.
  if (destination.items === 0 || bothWays !== undefined) return [];
  return warning(
    'occupied',
    `${nameOf(destination)} has about ${destination.items} items.`,
    'Ferry replaces items that it did not write when their source items change, unless "unversionedItems" is "keep". `ferry verify` lists the differences.',
  );
}
