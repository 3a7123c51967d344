// What a deployment takes whatever is written: alarms, dashboard, metrics, heartbeats, comparisons on a schedule, keys.

import { alarmRules } from '../alarms/alarm-rules.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { isBackName } from '../config/names.ts';
import { VERSION_BYTES } from '../model/capacity.ts';
import { type Line, linesOf } from './bill.ts';
import { metricCount, ofFunction } from './function-lines.ts';
import { elapsedMs, type Facts, INVOCATION_CPU_MS, KEY_REQUESTS_PER_SECOND } from './setting.ts';
import { GB, MONTH_DAYS, SECONDS_A_MONTH } from './workload.ts';

export function observationLines(facts: Facts): Line[] {
  const { alarms, dashboard, source } = facts.replication;
  const { region } = source;
  return [
    ...(alarms.enabled
      ? linesOf('alarms', [
          ['alarms', alarmRules(facts.replication).length, 'alarmMonth', region],
          ['composite alarm', 1, 'compositeAlarmMonth', region],
        ])
      : []),
    ...(dashboard ? linesOf('dashboard', [['dashboard', 1, 'dashboardMonth', region]]) : []),
    ...linesOf('metrics', [['metrics', metricCount(facts), 'metricMonth', region]]),
  ];
}

/** Of the stack that a Region of sources has with "fleet". */
export function fleetLines(replications: readonly ReplicationConfig[]): Line[] {
  const regions = [...new Set(replications.map(({ source }) => source.region))];
  return regions.flatMap((region) =>
    linesOf('fleet', [
      ['composite alarm', 1, 'compositeAlarmMonth', region],
      ['dashboard', 1, 'dashboardMonth', region],
    ]),
  );
}

const BEATS = SECONDS_A_MONTH / 60;
const HEARTBEAT_MIB = 256;

/** Every minute: a read and a write on both sides, by a function or by `ferry run`. */
export function heartbeatLines(facts: Facts): Line[] {
  const { heartbeat, source, destination } = facts.replication;
  if (heartbeat === undefined) return [];
  const part = 'heartbeat';
  const each = elapsedMs(2 * INVOCATION_CPU_MS, HEARTBEAT_MIB) + facts.roundTripMs;
  return [
    ...(facts.byProcess
      ? []
      : ofFunction(part, { count: BEATS, ms: BEATS * each, memoryMiB: HEARTBEAT_MIB }, facts)),
    ...linesOf(part, [
      ['write units of the source', BEATS, 'millionWriteUnits', source.region],
      ['read units of the source', BEATS, 'millionReadUnits', source.region],
      [
        'write units of the twin',
        BEATS,
        'millionWriteUnits',
        destination.region,
        'twin write units',
      ],
      ['read units of the twin', BEATS, 'millionReadUnits', destination.region],
    ]),
  ];
}

const COMPARING_MIB = 1_024;
/** An invocation of a segment, before the state machine calls the function again. */
const SEGMENT_SECONDS = 800;
const TRANSITIONS_A_DAY = 4;
const TRANSITIONS_A_RUN = 10;
const TRANSITIONS_AN_INVOCATION = 3;

/** Reads are consistent: each side is read once, at no more than the configured rate. */
export function reconciliationLines(facts: Facts): Line[] {
  const { reconcile, source, destination } = facts.replication;
  if (reconcile === undefined) return [];
  const { items, itemBytes } = facts.workload;
  const runs = MONTH_DAYS / Number.parseInt(reconcile.every, 10);
  const share = Number.parseFloat(reconcile.sample) / 100;
  const twinBytes = share * items * (itemBytes + VERSION_BYTES);
  const [ofSource, ofTwin] = [(share * items * itemBytes) / 4_096, twinBytes / 4_096];
  const seconds = Math.max(ofSource, ofTwin) / reconcile.maxReadUnits;
  const invocations = Math.ceil(seconds / SEGMENT_SECONDS);
  const count = MONTH_DAYS + runs * (1 + invocations);
  const transitions =
    MONTH_DAYS * TRANSITIONS_A_DAY +
    runs * (TRANSITIONS_A_RUN + TRANSITIONS_AN_INVOCATION * invocations);
  const part = 'reconciliation';
  const sentGB = source.region === destination.region ? 0 : (runs * twinBytes) / GB;
  return [
    ...linesOf(part, [
      ['read units of the source', runs * ofSource, 'millionReadUnits', source.region],
      ['read units of the twin', runs * ofTwin, 'millionReadUnits', destination.region],
      ['GB of items of the twin', sentGB, 'transferGB', destination.region],
      ['state transitions', transitions, 'thousandTransitions', source.region],
    ]),
    ...ofFunction(part, { count, ms: runs * seconds * 1000, memoryMiB: COMPARING_MIB }, facts),
  ];
}

/** Each customer managed key that the configuration names, as if nothing else used it. Both directions have the same. */
export function keyLines({ replication }: Facts): Line[] {
  if (replication.twoWay !== undefined && isBackName(replication.name)) return [];
  const requests = KEY_REQUESTS_PER_SECOND * SECONDS_A_MONTH;
  return keysOf(replication).flatMap(([arn, region]) =>
    linesOf('keys', [
      [`key ${arn.replace(/^.*\//, '')}`, 1, 'keyMonth', region],
      ['requests', requests, 'tenThousandKeyRequests', region],
    ]),
  );
}

function keysOf(replication: ReplicationConfig): Array<readonly [arn: string, region: string]> {
  const found = JSON.stringify(replication).matchAll(/arn:[a-z-]+:kms:([a-z0-9-]+):[^"]+/g);
  return [...new Map([...found].map(([arn, region = '']) => [arn, region] as const))];
}
