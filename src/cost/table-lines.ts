// What the tables take: writes to the twin, tombstones, storage, the stream of the source, and the way between the
// Regions.

import { arrivalRules } from '../config/change-source.ts';
import { VERSION_BYTES } from '../model/capacity.ts';
import type { Line } from './bill.ts';
import { invocationsOf, ofFunction } from './function-lines.ts';
import type { PriceName } from './prices.ts';
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
  const units = (what: string, amount: number): Line => ({
    part: 'writes to the twin',
    what,
    amount,
    price: 'millionWriteUnits',
    region,
    measure: 'twin write units',
  });
  return [
    units('write units of items', item),
    units('write units of their versions', version),
    ...(transaction === 0 ? [] : [units('write units of inserts in transactions', transaction)]),
  ];
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
  return [
    {
      part,
      what: tombstones === 'strict' ? 'write units of tombstones and checks' : 'write units',
      amount: state,
      price: 'millionWriteUnits',
      region,
      measure: 'state write units',
    },
    { part, what: 'GB stored', amount: keptGB, price: 'storageGBMonth', region },
    { part, what: 'GB of backup', amount: keptGB, price: 'backupGBMonth', region },
    ...(tombstones === 'strict' ? [] : lookAgainLines(part, reads, facts)),
  ];
}

const LOOK_AGAIN_MIB = 256;

/** Each batch with deletes sends a message, which is received and deleted. */
function lookAgainLines(part: string, keyReads: number, facts: Facts): Line[] {
  const count = invocationsOf(facts).having(facts.workload.deleteShare);
  const { source, destination } = facts.replication;
  // The function reads the control row, and then the keys.
  const each = elapsedMs(2 * INVOCATION_CPU_MS, LOOK_AGAIN_MIB) + 2 * facts.roundTripMs;
  return [
    {
      part,
      what: 'read units',
      amount: keyReads + count,
      price: 'millionReadUnits',
      region: destination.region,
    },
    {
      part,
      what: 'queue requests',
      amount: 3 * count + QUEUE_POLLS_PER_SECOND * SECONDS_A_MONTH,
      price: 'millionQueueRequests',
      region: source.region,
    },
    ...ofFunction(part, { count, ms: count * each, memoryMiB: LOOK_AGAIN_MIB }, facts),
    {
      part,
      what: 'GB of logs',
      amount: (count * LOOK_AGAIN_LOG_BYTES) / GB,
      price: 'logGB',
      region: source.region,
    },
  ];
}

/** A position of a shard is written once a second at most, and only where it has moved. */
export function processLines({ replication, workload, shardCount }: Facts): Line[] {
  const { region } = replication.destination;
  const each = workload.writesPerSecond / shardCount;
  const positions = shardCount * (each / (1 + each));
  const line = (what: string, perSecond: number): Line => ({
    part: 'process',
    what,
    amount: perSecond * SECONDS_A_MONTH,
    price: 'millionWriteUnits',
    region,
  });
  return [
    line('write units of positions', positions),
    line('write units of the lease', 1 / LEASE_SECONDS),
  ];
}

export function storageLines({ workload, replication }: Facts): Line[] {
  const { region, create } = replication.destination;
  const bytes = workload.itemBytes + VERSION_BYTES + ITEM_OVERHEAD_BYTES;
  const amount = (workload.items * bytes) / GB;
  const part = 'storage';
  return [
    { part, what: 'GB of the twin', amount, price: 'storageGBMonth', region, measure: 'twin GB' },
    // Whether an existing twin has backups is not known.
    ...(create
      ? [{ part, what: 'GB of its backup', amount, price: 'backupGBMonth', region } as const]
      : []),
  ];
}

/** A record with both images, as JSON. */
const recordBytes = (itemBytes: number) => 2 * itemBytes + 500;
/** Of a record in a provisioned Kinesis stream. */
const PAYLOAD_UNIT_BYTES = 25 * 1024;

export function streamLines({ replication, writes, workload, shards, ...facts }: Facts): Line[] {
  const { region, kinesisStreamArn } = replication.source;
  const line = (what: string, amount: number, price: PriceName | 'free'): Line => ({
    part: 'stream reads',
    what,
    amount,
    price,
    region,
  });
  const polls = facts.shardCount * POLLS_PER_SECOND * SECONDS_A_MONTH;
  if (kinesisStreamArn === undefined)
    return facts.byProcess
      ? [line('GetRecords requests', polls, 'millionStreamReads')]
      : [line('GetRecords requests by Lambda', polls, 'free')];
  const records = writes.inserts + writes.updates + writes.deletes;
  const bytes = recordBytes(workload.itemBytes);
  const gb = (records * bytes) / GB;
  const captured = records * Math.ceil(Math.max(1, workload.itemBytes) / 1024);
  const hours = SECONDS_A_MONTH / 3600;
  return [
    line('change data capture units', captured, 'millionCaptureUnits'),
    ...(shards === undefined
      ? [
          line('hours of the on-demand stream', hours, 'streamHour'),
          line('GB written to it', gb, 'streamInGB'),
          line('GB read from it', gb, 'streamOutGB'),
        ]
      : [
          line('hours of shards', hours * shards, 'shardHour'),
          line(
            'payload units',
            records * Math.ceil(bytes / PAYLOAD_UNIT_BYTES),
            'millionPayloadUnits',
          ),
        ]),
  ];
}

/** Each Region pays for what leaves it. */
export function transferLines({ replication, writes, workload }: Facts): Line[] {
  const { source, destination, tombstones } = replication;
  if (source.region === destination.region) return [];
  const puts = writes.inserts + writes.updates;
  // The tombstone, the delete, and with "checked" a read when it is looked at again.
  const requests = puts + writes.deletes * (tombstones === 'strict' ? 2 : 3);
  const part = 'transfer';
  const out = (what: string, bytes: number, region: string): Line => ({
    part,
    what,
    amount: bytes / GB,
    price: 'transferGB',
    region,
  });
  return [
    out('GB of requests', requests * REQUEST_BYTES + puts * workload.itemBytes, source.region),
    out('GB of responses', requests * RESPONSE_BYTES, destination.region),
  ];
}
