// What the tables take: writes to the twin, tombstones, storage, the stream of the source, and the way between the
// Regions.

import { arrivalRules } from '../config/change-source.ts';
import { isBackName } from '../config/names.ts';
import { type Line, linesOf } from './bill.ts';
import { insertCheckLines } from './both-ways-lines.ts';
import { invocationsOf, ofFunction } from './function-lines.ts';
import {
  elapsedMs,
  type Facts,
  INVOCATION_CPU_MS,
  ITEM_OVERHEAD_BYTES,
  LEASE_SECONDS,
  LOOK_AGAIN_LOG_BYTES,
  POLLS_PER_SECOND,
  QUEUE_POLLS_PER_SECOND,
  REQUEST_BYTES,
  RESPONSE_BYTES,
  TOMBSTONE_BYTES,
} from './setting.ts';
import { GB, SECONDS_A_MONTH } from './workload.ts';
import { type ChangeUnits, unitsOfChange } from './write-units.ts';

/** Of all changes of a month. */
function unitsOf({ writes, workload, replication }: Facts): ChangeUnits {
  const { itemBytes } = workload;
  const kinds = [
    [writes.inserts, unitsOfChange('insert', itemBytes, replication)],
    [writes.updates, unitsOfChange('update', itemBytes, replication)],
    [writes.deletes, unitsOfChange('delete', itemBytes, replication)],
  ] as const;
  const sum = (name: keyof ChangeUnits) =>
    kinds.reduce((all, [count, units]) => all + count * units[name], 0);
  return {
    item: sum('item'),
    version: sum('version'),
    transaction: sum('transaction'),
    state: sum('state'),
    reads: sum('reads'),
  };
}

export function twinLines(facts: Facts): Line[] {
  const { region } = facts.replication.destination;
  const { item, version, transaction } = unitsOf(facts);
  const kinds = { items: item, 'their versions': version, 'inserts in transactions': transaction };
  return linesOf(
    'writes to the twin',
    Object.entries(kinds).map(([of, units]) => [
      `write units of ${of}`,
      units,
      'millionWriteUnits',
      region,
      'twin write units',
    ]),
  );
}

/** Of deletes, and of what keeps deleted items from coming back. */
export function tombstoneLines(facts: Facts): Line[] {
  const { replication, writes } = facts;
  const { source, destination, tombstones } = replication;
  const { region } = destination;
  const { state, reads } = unitsOf(facts);
  const part = 'tombstones';
  const { tombstoneLifeSeconds } = arrivalRules(source);
  const kept = (writes.deletes / SECONDS_A_MONTH) * tombstoneLifeSeconds;
  const keptGB = kept * (TOMBSTONE_BYTES / GB);
  const isStrict = tombstones === 'strict';
  const isChecked = tombstones === 'checked';
  const what = isStrict ? 'write units of tombstones and checks' : 'write units';
  return [
    ...linesOf(part, [
      [what, state, 'millionWriteUnits', region, 'state write units'],
      ['GB stored', keptGB, 'storageGBMonth', region],
      ['GB of backup', keptGB, 'backupGBMonth', region],
    ]),
    ...(isChecked ? lookAgainLines(part, reads, facts) : []),
    ...(tombstones === 'insert-check' ? insertCheckLines(part, { reads, keptGB }, facts) : []),
  ];
}

const LOOK_AGAIN_MIB = 256;

/** Each batch with deletes sends a message, which is received and deleted. */
function lookAgainLines(part: string, keyReads: number, facts: Facts): Line[] {
  const count = invocationsOf(facts).having(facts.workload.deleteShare);
  const { source, destination } = facts.replication;
  // The function reads the control row, and then the keys.
  const each = elapsedMs(2 * INVOCATION_CPU_MS, LOOK_AGAIN_MIB) + 2 * facts.roundTripMs;
  const requests = 3 * count + QUEUE_POLLS_PER_SECOND * SECONDS_A_MONTH;
  return [
    ...linesOf(part, [
      ['read units', keyReads + count, 'millionReadUnits', destination.region],
      ['queue requests', requests, 'millionQueueRequests', source.region],
    ]),
    ...ofFunction(part, { count, ms: count * each, memoryMiB: LOOK_AGAIN_MIB }, facts),
    ...linesOf(part, [['GB of logs', (count * LOOK_AGAIN_LOG_BYTES) / GB, 'logGB', source.region]]),
  ];
}

/** A position of a shard is written once a second at most, and only where it has moved. */
export function processLines({ replication, workload, shardCount }: Facts): Line[] {
  const { region } = replication.destination;
  const each = workload.writesPerSecond / shardCount;
  const positions = shardCount * (each / (1 + each)) * SECONDS_A_MONTH;
  return linesOf('process', [
    ['write units of positions', positions, 'millionWriteUnits', region],
    ['write units of the lease', SECONDS_A_MONTH / LEASE_SECONDS, 'millionWriteUnits', region],
  ]);
}

/** Of a copy of the source whose items have so many bytes. Two tables that are both written are copies of each other. */
export function storageLines({ workload, replication }: Facts, itemBytes: number): Line[] {
  if (replication.twoWay !== undefined && isBackName(replication.name)) return [];
  const { region, create } = replication.destination;
  const amount = (workload.items * (itemBytes + ITEM_OVERHEAD_BYTES)) / GB;
  // Whether an existing table has backups is not known.
  const backup = ['GB of backup', amount, 'backupGBMonth', region] as const;
  return linesOf('storage', [
    ['GB of items', amount, 'storageGBMonth', region, 'twin GB'],
    ...(create ? [backup] : []),
  ]);
}

/** A record with both images, as JSON. */
const recordBytes = (itemBytes: number) => 2 * itemBytes + 500;
/** Of a record in a provisioned Kinesis stream. */
const PAYLOAD_UNIT_BYTES = 25 * 1024;

export function streamLines({ replication, writes, workload, shards, ...facts }: Facts): Line[] {
  const { region, kinesisStreamArn } = replication.source;
  const part = 'stream reads';
  const polls = facts.shardCount * POLLS_PER_SECOND * SECONDS_A_MONTH;
  if (kinesisStreamArn === undefined)
    return facts.byProcess
      ? linesOf(part, [['GetRecords requests', polls, 'millionStreamReads', region]])
      : linesOf(part, [['GetRecords requests by Lambda', polls, 'free', region]]);
  const records = writes.inserts + writes.updates + writes.deletes;
  const bytes = recordBytes(workload.itemBytes);
  const gb = (records * bytes) / GB;
  const captured = records * Math.ceil(Math.max(1, workload.itemBytes) / 1024);
  const hours = SECONDS_A_MONTH / 3600;
  const payloads = records * Math.ceil(bytes / PAYLOAD_UNIT_BYTES);
  return linesOf(part, [
    ['change data capture units', captured, 'millionCaptureUnits', region],
    ...(shards === undefined
      ? ([
          ['hours of the on-demand stream', hours, 'streamHour', region],
          ['GB written to it', gb, 'streamInGB', region],
          ['GB read from it', gb, 'streamOutGB', region],
        ] as const)
      : ([
          ['hours of shards', hours * shards, 'shardHour', region],
          ['payload units', payloads, 'millionPayloadUnits', region],
        ] as const)),
  ]);
}

/** Each Region pays for what leaves it. */
export function transferLines({ replication, writes, workload }: Facts): Line[] {
  const { source, destination, tombstones } = replication;
  if (source.region === destination.region) return [];
  const puts = writes.inserts + writes.updates;
  // The tombstone, the delete, and with "checked" a read when it is looked at again.
  const requests = puts + writes.deletes * (tombstones === 'checked' ? 3 : 2);
  const sent = requests * REQUEST_BYTES + puts * workload.itemBytes;
  return linesOf('transfer', [
    ['GB of requests', sent / GB, 'transferGB', source.region],
    ['GB of responses', (requests * RESPONSE_BYTES) / GB, 'transferGB', destination.region],
  ]);
}
