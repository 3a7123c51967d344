// The estimate of a replication, and what the same workload costs as a global table.

import { hasOtherDirection, otherDirection } from '../config/directions.ts';
import { VERSION_BYTES, writeUnits } from '../model/capacity.ts';
import { type Line, linesOf } from './bill.ts';
import { heartbeatLines, keyLines, observationLines, reconciliationLines } from './fixed-lines.ts';
import { functionLines, logLines } from './function-lines.ts';
import { type Facts, factsOf, RECORD_CPU_MS, REQUEST_BYTES, type Setting } from './setting.ts';
import {
  processLines,
  storageLines,
  streamLines,
  tombstoneLines,
  transferLines,
  twinLines,
} from './table-lines.ts';
import { GB } from './workload.ts';

/** What Ferry adds to the bill of the source. */
export function replicationLines(setting: Setting): Line[] {
  const facts = factsOf(setting);
  return [
    ...streamLines(facts),
    ...(setting.byProcess ? [] : functionLines(facts)),
    ...twinLines(facts),
    ...tombstoneLines(facts),
    ...storageLines(facts, facts.workload.itemBytes + VERSION_BYTES),
    ...transferLines(facts),
    ...heartbeatLines(facts),
    ...(setting.byProcess ? processLines(facts) : deploymentLines(facts)),
  ];
}

function deploymentLines(facts: Facts): Line[] {
  return [
    ...observationLines(facts),
    ...logLines(facts),
    ...reconciliationLines(facts),
    ...otherDirectionLines(facts),
    ...keyLines(facts),
  ];
}

/**
 * The function beside the twin reads its stream, and acknowledges what Ferry wrote. Where both tables are written, it also
 * replicates, and has an estimate of its own.
 */
function otherDirectionLines({ replication, ...facts }: Facts): Line[] {
  if (!hasOtherDirection(replication)) return [];
  const back = { ...facts, replication: otherDirection(replication) };
  const lines = [
    ...functionLines(back, { acknowledges: true }),
    ...(replication.switching === undefined ? [] : observationLines(back)),
    ...logLines(back),
  ];
  const entries = lines.map(
    ({ part, what, amount, price, region }) =>
      [`${what} (${part})`, amount, price, region] as const,
  );
  return linesOf('other direction', entries);
}

/** The same where Lambda gathers a batch for a second; undefined where it does already, or does not invoke anything. */
export function gatheringLines(setting: Setting): Line[] | undefined {
  const { eventSource } = setting.replication;
  if (setting.byProcess || eventSource.maxBatchingWindowSeconds > 0) return undefined;
  const gathering = { ...eventSource, maxBatchingWindowSeconds: 1 };
  return replicationLines({
    ...setting,
    replication: { ...setting.replication, eventSource: gathering },
  });
}

/** What a replica adds to the bill of the source: its own writes, its storage, and what is sent to it. */
export function globalTableLines(setting: Setting): Line[] {
  const facts = factsOf(setting);
  const { writes, replication } = facts;
  const { itemBytes } = facts.workload;
  const { source, destination } = replication;
  const puts = writes.inserts + writes.updates;
  const units = (puts + writes.deletes) * writeUnits(itemBytes);
  return [
    ...linesOf('replicated writes', [
      ['replicated write units', units, 'millionWriteUnits', destination.region],
    ]),
    ...storageLines(facts, itemBytes),
    ...(source.region === destination.region
      ? []
      : linesOf('transfer', [
          ['GB of items', (puts * itemBytes) / GB, 'transferGB', source.region],
        ])),
  ];
}

/** What the estimate takes for granted, as sentences. */
export function assumptionsOf(setting: Setting): string[] {
  const { replication, workload, roundTripMs, shardCount, shards } = factsOf(setting);
  const { projection, source, function: settings } = replication;
  return [
    'A month has 730 hours. Prices are list prices of the first tier, on demand. Free tiers, discounts and taxes are not counted.',
    'All items have the average size. Each insert is at most 30 s old, and no record is coalesced, repeated or rejected.',
    `The stream has ${shardCount} shards with the same number of records${shards === undefined ? ', as a table of this size has' : ''}.`,
    ...(setting.byProcess
      ? [
          'The machine of `ferry run`, its metrics and its alarms are not counted. It writes with "tombstones": "strict".',
        ]
      : [
          `A request to the other Region takes ${roundTripMs} ms, and a record ${RECORD_CPU_MS} ms of a whole processor. A function with ${settings.memoryMiB} MiB has its share of one.`,
        ]),
    `A request has ${REQUEST_BYTES / 1000} KB beside its item.`,
    'Write units of secondary indexes of the twin are not counted, nor a backfill.',
    ...(replication.twoWay === undefined
      ? []
      : [
          'Writes are those of applications to the source of this direction. What CloudWatch has of a table includes those of Ferry: give --writes-per-second. The function beside the twin is counted as if it was invoked for them alone.',
        ]),
    ...(workload.items === 0
      ? [
          'The number of items is not known: storage and the reads of a reconciliation are not counted.',
        ]
      : []),
    ...(projection === undefined
      ? []
      : ['The projection is not counted, as if the twin had all items whole.']),
    ...(source.kinesisStreamArn === undefined
      ? []
      : [
          'The Kinesis stream is counted as if only this table sent its changes to it, and it kept them for 24 hours.',
        ]),
    ...(replication.reconcile === undefined
      ? []
      : ['Differences that a reconciliation reads again are not counted.']),
    'A replicated write unit of a global table costs as much as any other write unit. The source itself, its writes and its storage are in neither sum.',
  ];
}
