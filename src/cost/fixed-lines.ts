// What a deployment takes whatever is written: alarms, dashboard, metrics, heartbeats, comparisons on a schedule, keys.

import { alarmRules } from '../alarms/alarm-rules.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { VERSION_BYTES } from '../model/capacity.ts';
import type { Line } from './bill.ts';
import { metricCount, ofFunction } from './function-lines.ts';
import type { PriceName } from './prices.ts';
import { elapsedMs, type Facts, INVOCATION_CPU_MS, KEY_REQUESTS_PER_SECOND } from './setting.ts';
import { GB, MONTH_DAYS, SECONDS_A_MONTH } from './workload.ts';

export function observationLines(facts: Facts): Line[] {
  const { alarms, dashboard, source } = facts.replication;
  const { region } = source;
  const line = (part: string, what: string, amount: number, price: PriceName): Line => ({
    part,
    what,
    amount,
    price,
    region,
  });
  return [
    ...(alarms.enabled
      ? [
          line('alarms', 'alarms', alarmRules(facts.replication).length, 'alarmMonth'),
          line('alarms', 'composite alarm', 1, 'compositeAlarmMonth'),
        ]
      : []),
    ...(dashboard ? [line('dashboard', 'dashboard', 1, 'dashboardMonth')] : []),
    line('metrics', 'metrics', metricCount(facts), 'metricMonth'),
  ];
}

/** Of the stack that a Region of sources has with "fleet". */
export function fleetLines(replications: readonly ReplicationConfig[]): Line[] {
  const regions = [...new Set(replications.map(({ source }) => source.region))];
  return regions.flatMap((region): Line[] => [
    { part: 'fleet', what: 'composite alarm', amount: 1, price: 'compositeAlarmMonth', region },
    { part: 'fleet', what: 'dashboard', amount: 1, price: 'dashboardMonth', region },
  ]);
}

const BEATS = SECONDS_A_MONTH / 60;
const HEARTBEAT_MIB = 256;

/** Every minute: a read and a write on both sides, by a function or by `ferry run`. */
export function heartbeatLines(facts: Facts): Line[] {
  const { heartbeat, source, destination } = facts.replication;
  if (heartbeat === undefined) return [];
  const part = 'heartbeat';
  const sides = [
    ['source', source.region],
    ['twin', destination.region],
  ] as const;
  const each = elapsedMs(2 * INVOCATION_CPU_MS, HEARTBEAT_MIB) + facts.roundTripMs;
  return [
    ...(facts.byProcess
      ? []
      : ofFunction(part, { count: BEATS, ms: BEATS * each, memoryMiB: HEARTBEAT_MIB }, facts)),
    ...sides.flatMap(([of, region]): Line[] => [
      {
        part,
        what: `write units of the ${of}`,
        amount: BEATS,
        price: 'millionWriteUnits',
        region,
        ...(of === 'twin' && { measure: 'twin write units' }),
      },
      {
        part,
        what: `read units of the ${of}`,
        amount: BEATS,
        price: 'millionReadUnits',
        region,
      },
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
  return [
    {
      part,
      what: 'read units of the source',
      amount: runs * ofSource,
      price: 'millionReadUnits',
      region: source.region,
    },
    {
      part,
      what: 'read units of the twin',
      amount: runs * ofTwin,
      price: 'millionReadUnits',
      region: destination.region,
    },
    ...(source.region === destination.region
      ? []
      : [
          {
            part,
            what: 'GB of items of the twin',
            amount: (runs * twinBytes) / GB,
            price: 'transferGB',
            region: destination.region,
          } as const,
        ]),
    ...ofFunction(part, { count, ms: runs * seconds * 1000, memoryMiB: COMPARING_MIB }, facts),
    {
      part,
      what: 'state transitions',
      amount: transitions,
      price: 'thousandTransitions',
      region: source.region,
    },
  ];
}

/** Each customer managed key that the configuration names, as if nothing else used it. */
export function keyLines({ replication }: Facts): Line[] {
  const part = 'keys';
  return keysOf(replication).flatMap(([arn, region]): Line[] => [
    { part, what: `key ${arn.replace(/^.*\//, '')}`, amount: 1, price: 'keyMonth', region },
    {
      part,
      what: 'requests',
      amount: KEY_REQUESTS_PER_SECOND * SECONDS_A_MONTH,
      price: 'tenThousandKeyRequests',
      region,
    },
  ]);
}

function keysOf(replication: ReplicationConfig): Array<readonly [arn: string, region: string]> {
  const found = JSON.stringify(replication).matchAll(/arn:[a-z-]+:kms:([a-z0-9-]+):[^"]+/g);
  return [...new Map([...found].map(([arn, region = '']) => [arn, region] as const))];
}
