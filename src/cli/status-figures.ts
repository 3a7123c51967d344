// The figures behind a verdict, as the rows of the status screen.

import type { DirectionName } from '../composition/active-direction.ts';
import type { DirectionState } from '../model/active-region.ts';
import { type Backlog, backlogOf, WINDOW_MS } from '../status/backlog-trend.ts';
import { type Deadline, deadlineOf, deadlineText, notedUntilMs } from '../status/deadline.ts';
import { utcTime } from '../status/pause.ts';
import { sparkline } from '../status/sparkline.ts';
import type { ProcessVitals } from '../status/process.ts';
import type { Verdict } from '../status/verdict.ts';
import {
  highestOf,
  isRead,
  latest,
  MINUTE_MS,
  type Series,
  sumSince,
  type Vitals,
} from '../model/vitals.ts';
import { servicesAt } from '../config/partition-services.ts';
import { retentionMs } from '../config/record-age.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { duration } from '../text/duration.ts';
import { counted, grouped } from './output.ts';
import type { RemarkRow } from './rows.ts';
import { twoWayRows } from './status-two-way.ts';

export interface Status {
  readonly replication: ReplicationConfig;
  readonly vitals: Vitals;
  readonly verdict: Verdict;
  /** Of a replication that can be switched: `replication` and `vitals` are those of the active direction. */
  readonly switching?: SwitchingOf | undefined;
  /** Of one that `ferry run` carries: it has no other figures. */
  readonly process?: ProcessVitals | undefined;
}

export interface SwitchingOf {
  readonly state: DirectionState;
  readonly direction: DirectionName;
  /** About the active direction alone. */
  readonly own: Verdict;
  readonly other: {
    readonly direction: DirectionName;
    readonly verdict: Verdict;
    readonly vitals: Vitals | undefined;
  };
  readonly strandedObjects: number | undefined;
  /** What is wrong with the tables. */
  readonly ofTables: readonly string[];
}

/** Writes of applications to the twin, in the last hour: the function beside the twin counts them. */
export function strayWrites({ vitals, switching }: Status): number {
  const both = [vitals, switching?.other.vitals];
  return both.reduce((sum, one) => sum + sumSince(one?.own.StrayWrites, 0), 0);
}

/** Three minutes each. */
const SPARK_COLUMNS = 20;
const HOUR_MS = 60 * MINUTE_MS;
/** The period of averages per minute. */
const RECENT_MS = 5 * MINUTE_MS;
const NONE = '-';
const UNREAD = 'unknown: the stream is not read';
/** An older figure is shown with its time. */
const FRESH_MS = 3 * MINUTE_MS;
/** Younger records are in flight, not waiting. */
export const IN_FLIGHT_MS = 2_000;

export function statusRows(status: Status): RemarkRow[] {
  const { vitals } = status;
  return [
    ...heldRows(vitals),
    ...lagRows(status),
    ...flowRows(vitals),
    ...troubleRows(status),
    ...switchingRows(status),
    ...twoWayRows(status, (series) => sparkOf(vitals, series)),
    ['event source mapping', mappingText(vitals)],
  ];
}

/** First, and only if there are any. */
function heldRows(vitals: Vitals): RemarkRow[] {
  const { HeldRecords: held } = vitals.own;
  if (sumSince(held, 0) === 0) return [];
  return [['held, last hour', grouped(sumSince(held, 0)), sparkOf(vitals, held)]];
}

function sparkOf({ nowMs }: Vitals, series: Series = []): string {
  return sparkline(series, { fromMs: nowMs - HOUR_MS, toMs: nowMs, columns: SPARK_COLUMNS });
}

function lagRows(status: Status): RemarkRow[] {
  const { replication, vitals } = status;
  const { nowMs, own, services, latency } = vitals;
  const { waits, expires, pending } = waiting(status);
  const percentiles = (['p50', 'p90', 'p99'] as const).map((name) => timeOf(latency[name]));
  const percentilesText = dated(percentiles.join(', '), latency.p99, nowMs);
  const beat = own.HeartbeatLatency;
  const oldest = highestOf(own.OldestUnappliedAge, services.IteratorAge);
  return [
    ['latency p50, p90, p99', percentilesText, sparkOf(vitals, latency.p99)],
    ...(replication.heartbeat === undefined
      ? []
      : [['heartbeat', dated(timeOf(beat), beat, nowMs), sparkOf(vitals, beat)] as const]),
    ['oldest waiting record', waits, sparkOf(vitals, oldest)],
    ['expires from the stream in', expires],
    ...deadlineRows(status),
    ['pending records (estimate)', pending, sparkOf(vitals, own.PendingRecords)],
  ];
}

/** Only where Lambda does not store what it gives up. */
function deadlineRows(status: Status): RemarkRow[] {
  const deadline = statusDeadline(status);
  if (deadline === undefined) return [];
  return [['given up by Lambda', deadlineText(deadline, status.vitals.nowMs)]];
}

/** Of the oldest waiting record. */
export function statusDeadline(status: Status): Deadline | undefined {
  const { replication, vitals } = status;
  const { nowMs, paused } = vitals;
  const { ageMs, trend } = statusBacklog(status);
  if (paused !== undefined && paused !== 'unknown') return deadlineOf(replication, paused.oldestMs);
  return deadlineOf(replication, trend === 'none' ? undefined : nowMs - ageMs);
}

/** The backlog by the rule of the verdict. */
export function statusBacklog({ replication, vitals }: Status): Backlog {
  return backlogOf(vitals, replication.alarms.latencySeconds * 1000);
}

function waiting(status: Status) {
  const { vitals, replication } = status;
  const { nowMs, paused } = vitals;
  const { ageMs, trend, leftMs } = statusBacklog(status);
  const untilExpired = (waitedMs: number) => expiryText(retentionMs(replication.source) - waitedMs);
  if (paused !== undefined && paused !== 'unknown') {
    const mostMs = nowMs - paused.oldestMs;
    const waits = `at most ${duration(mostMs)}: paused`;
    return { waits, expires: untilExpired(mostMs), pending: 'unknown: paused' };
  }
  const isKnown = isRead(vitals);
  const recently = `up to ${duration(ageMs)} in the last 5 min`;
  if (trend === 'none') {
    if (!isKnown) return { waits: UNREAD, expires: NONE, pending: UNREAD };
    const waits = ageMs <= IN_FLIGHT_MS ? NONE : recently;
    return { waits, expires: NONE, pending: pendingOf(status) };
  }
  const isPast = trend === 'catching-up' && leftMs === undefined;
  return {
    waits: isPast ? recently : duration(ageMs),
    expires: untilExpired(ageMs),
    pending: isKnown ? pendingOf(status) : UNREAD,
  };
}

/** The estimate of a batch is outdated if nothing has waited since. */
export function pendingFigure(status: Status): readonly [number, number] | undefined {
  const { nowMs, own } = status.vitals;
  const last = latest(own.PendingRecords);
  if (last === undefined || statusBacklog(status).trend !== 'none') return last;
  return last[0] >= nowMs - WINDOW_MS || last[1] === 0 ? last : undefined;
}

function pendingOf(status: Status): string {
  const { own, nowMs } = status.vitals;
  const figure = pendingFigure(status);
  return figure === undefined ? NONE : dated(grouped(figure[1]), own.PendingRecords, nowMs);
}

/** With the time of the figure, unless it is recent. */
function dated(text: string, series: Series | undefined, nowMs: number): string {
  const [atMs] = latest(series) ?? [];
  if (atMs === undefined || nowMs - atMs <= FRESH_MS) return text;
  return `${text} as of ${utcTime(atMs).slice(11, 16)}Z`;
}

function expiryText(leftMs: number): string {
  return leftMs > 0 ? duration(leftMs) : 'expired: records may be lost';
}

function flowRows(vitals: Vitals): RemarkRow[] {
  const { nowMs, own } = vitals;
  const perMinute = (series: Series | undefined) =>
    `${grouped(Math.round(sumSince(series, nowMs - RECENT_MS) / (RECENT_MS / MINUTE_MS)))}/min`;
  const causes = [
    ['redelivered', own.SupersededByRedelivery],
    ['newer item', own.SupersededByNewerItem],
    ['deleted since', own.SupersededByTombstone],
  ] as const;
  return [
    ['applied', perMinute(own.AppliedRecords), sparkOf(vitals, own.AppliedRecords)],
    ['coalesced', perMinute(own.CoalescedRecords), sparkOf(vitals, own.CoalescedRecords)],
    ['superseded, last hour', inTheHour(own.SupersededRecords), breakdown(causes)],
    ['retried', perMinute(own.RetriedRecords), sparkOf(vitals, own.RetriedRecords)],
  ];
}

function inTheHour(...all: ReadonlyArray<Series | undefined>): string {
  return grouped(all.reduce((sum, series) => sum + sumSince(series, 0), 0));
}

function troubleRows({ replication, vitals }: Status): RemarkRow[] {
  const { nowMs, own, services, deadLetters } = vitals;
  const [, oldestSeconds = 0] = latest(services.ApproximateAgeOfOldestMessage) ?? [];
  const oldest =
    deadLetters > 0 && oldestSeconds > 0
      ? `oldest ${duration(oldestSeconds * 1000)}, kept for 14 days${notedText(replication, nowMs - oldestSeconds * 1000)}`
      : '';
  const failures = [
    ['throttled', own.DestinationThrottles],
    ['unreachable', own.DestinationUnreachable],
    ['denied', own.DestinationDenied],
    ['function errors', services.Errors],
  ] as const;
  const failed = inTheHour(...failures.map(([, series]) => series));
  const { DroppedEventCount, DestinationDeliveryFailures } = services;
  return [
    ['dead letters', grouped(deadLetters), oldest],
    ...(servicesAt(replication.source.region).mappingMetrics
      ? [
          [
            'batches given up, last hour',
            inTheHour(services.OnFailureDestinationDeliveredEventCount),
          ] as const,
        ]
      : []),
    ['records lost, last hour', inTheHour(DroppedEventCount, DestinationDeliveryFailures)],
    ['revenants, last hour', inTheHour(own.Revenants)],
    ...(replication.tombstones === 'insert-check'
      ? []
      : [['oldest look-again message', lookAgainAge(services.LookAgainAge)] as const]),
    ['failures, last hour', failed, breakdown(failures)],
  ];
}

function switchingRows(status: Status): RemarkRow[] {
  const { switching } = status;
  if (switching === undefined) return [];
  const { other, strandedObjects } = switching;
  return [
    ['stray writes, last hour', grouped(strayWrites(status))],
    ...(strandedObjects === undefined || strandedObjects === 0
      ? []
      : [
          [
            'stranded writes',
            counted(strandedObjects, 'object'),
            '`ferry stranded list` shows what is undecided',
          ] as const,
        ]),
    ...(other.vitals === undefined
      ? []
      : [[`dead letters, ${other.direction}`, grouped(other.vitals.deadLetters)] as const]),
  ];
}

/** A batch that Lambda gave up is only noted there. */
function notedText(replication: ReplicationConfig, sentMs: number): string {
  const untilMs = notedUntilMs(replication, sentMs);
  return untilMs === undefined ? '' : `; redrive given-up batches until ${utcTime(untilMs)}`;
}

/** Of an hour: "3 throttled, 1 denied". */
function breakdown(parts: ReadonlyArray<readonly [string, Series | undefined]>): string {
  return parts
    .map(([what, series]) => [what, sumSince(series, 0)] as const)
    .filter(([, times]) => times > 0)
    .map(([what, times]) => `${grouped(times)} ${what}`)
    .join(', ');
}

/** Messages wait for their delay, even in a healthy replication. */
function lookAgainAge(series: Series | undefined): string {
  const [, seconds = 0] = latest(series) ?? [];
  return seconds === 0 ? NONE : duration(seconds * 1000);
}

function mappingText({ mapping }: Vitals): string {
  if (mapping === undefined) return 'none';
  return mapping.lastResult === '' ? mapping.state : `${mapping.state}, ${mapping.lastResult}`;
}

function timeOf(series: Series | undefined): string {
  const [, value] = latest(series) ?? [];
  return value === undefined ? NONE : duration(value);
}
