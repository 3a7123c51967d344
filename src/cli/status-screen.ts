// One screen per replication: the verdict first, then the figures behind it.

import { type Backlog, backlogOf, WINDOW_MS } from '../status/backlog-trend.ts';
import { duration } from '../text/duration.ts';
import { horizonOf, utcTime } from '../status/pause.ts';
import { isSparkline, sparkline } from '../status/sparkline.ts';
import {
  highestOf,
  isRead,
  latest,
  MINUTE_MS,
  type Series,
  sumSince,
  type Vitals,
} from '../model/vitals.ts';
import { grouped, wrapped } from './output.ts';
import { runbookLink } from './runbook-link.ts';
import type { Status } from './status.ts';

/** Three minutes each. */
const SPARK_COLUMNS = 20;
const HOUR_MS = 60 * MINUTE_MS;
/** What "per minute" is an average of. */
const RECENT_MS = 5 * MINUTE_MS;
/** For how long a stream keeps its records, and the queue its letters. */
const STREAM_LIFE_MS = 24 * HOUR_MS;
const NONE = '-';
/** Nobody knows what waits in a stream that is not read. */
const UNKNOWN = 'not known: nothing reads the stream';
/** Without newer ones, a figure is shown with its time. */
const FRESH_MS = 3 * MINUTE_MS;
/** Younger records do not wait: they are read. */
const ROUNDING_MS = 2_000;

const ROUNDED =
  'The stream tells whole seconds: latencies but the heartbeat’s read up to 1 s too high.';

/** @param columns of the terminal; where it is none, lines are as long as they have to be. */
export function statusScreen(status: Status, columns = Infinity): string[] {
  const { replication, vitals } = status;
  const { name, source, destination } = replication;
  const title = `${name}: ${source.region}/${source.table} to ${destination.region}/${destination.table}`;
  const rows = [
    ...heldRows(vitals),
    ...lagRows(status),
    ...flowRows(vitals),
    ...troubleRows(vitals),
    ['reader on the stream', readerText(vitals), ''],
  ] as const;
  return [
    ...wrapped(title, columns),
    ...wrapped(verdictLine(status), columns),
    ...notes(status).flatMap((line) => wrapped(line, columns)),
    '',
    ...table(rows, columns),
    ...precision(status).flatMap((line) => indented(line, '  ', columns)),
    '',
  ];
}

/** Without sparklines where they do not fit, and in lines of its own what does not fit beside its label. */
function table(rows: readonly Row[], columns: number): string[] {
  const label = Math.max(...rows.map(([text]) => text.length));
  const value = Math.max(...rows.map(([, text]) => text.length));
  const isWide = 2 + label + 2 + value + 2 + SPARK_COLUMNS <= columns;
  return rows.flatMap(([a, b, c]) => {
    const pair = `  ${a.padEnd(label)}  ${isWide ? b.padEnd(value) : b}`;
    const whole = `${pair}  ${c}`.trimEnd();
    if (isWide && whole.length <= columns) return [whole];
    return [
      ...(pair.length <= columns ? [pair.trimEnd()] : [`  ${a}`, ...indented(b, '    ', columns)]),
      ...(isSparkline(c) ? [] : indented(c, '    ', columns)),
    ];
  });
}

function indented(text: string, margin: string, columns: number): string[] {
  if (text === '') return [];
  return wrapped(text, columns - margin.length).map((line) => margin + line);
}

/** How exact the latencies are, where they are not. */
function precision({ replication: { timestampAttribute }, vitals }: Status): string[] {
  if (timestampAttribute === undefined) return [ROUNDED];
  const fallbacks = sumSince(vitals.own.TimestampFallbacks, 0);
  if (fallbacks === 0) return [];
  return [
    `${count(fallbacks)} applied records of the last hour have no usable timestamp in "${timestampAttribute}".`,
    'Their latencies are by the stream’s time, and read up to 1 s too high.',
  ];
}

/** What is not known beside a verdict that needs no more to be true. */
function notes({ verdict, vitals: { paused, controlProblem } }: Status): string[] {
  if (paused !== 'unknown' || verdict.level === 'unknown') return [];
  const why = controlProblem === undefined ? '' : `: ${controlProblem}`;
  return [
    `The control row at the destination cannot be read from here${why}. If the replication is paused is not known.`,
  ];
}

function verdictLine({ verdict, replication }: Status): string {
  const { level, text, runbook } = verdict;
  // "behind by 3 min", "paused since 2026-01-31T12:00:00Z".
  const said = /^(by|since) /.test(text) ? `${level} ${text}` : `${level}: ${text}`;
  return runbook === undefined
    ? said
    : `${said}. See ${runbookLink(replication.alarms.runbook, runbook)}`;
}

type Row = readonly [label: string, value: string, more: string];

/** First, and only where there are any. */
function heldRows({ nowMs, own }: Vitals): Row[] {
  if (sumSince(own.HeldRecords, 0) === 0) return [];
  const spark = sparkline(own.HeldRecords ?? [], {
    fromMs: nowMs - HOUR_MS,
    toMs: nowMs,
    columns: SPARK_COLUMNS,
  });
  return [['held back, last hour', count(sumSince(own.HeldRecords, 0)), spark]];
}

function lagRows(status: Status): Row[] {
  const { replication, vitals } = status;
  const { nowMs, own, services, latency } = vitals;
  const spark = (series: Series) =>
    sparkline(series, { fromMs: nowMs - HOUR_MS, toMs: nowMs, columns: SPARK_COLUMNS });
  const ages = highestOf(own.OldestUnappliedAge, services.IteratorAge);
  const { waits, horizon, pending } = waiting(status);
  const figures = (['p50', 'p90', 'p99'] as const).map((name) => timeOf(latency[name]));
  const beat = [
    'heartbeat',
    dated(timeOf(own.HeartbeatLatency), own.HeartbeatLatency, nowMs),
    spark(own.HeartbeatLatency ?? []),
  ] as const;
  return [
    ['latency p50, p90, p99', dated(figures.join(', '), latency.p99, nowMs), spark(latency.p99)],
    ...(replication.heartbeat === undefined ? [] : [beat]),
    ['oldest record that waits', waits, spark(ages)],
    ['stream forgets it in', horizon, ''],
    ['pending records (estimate)', pending, spark(own.PendingRecords ?? [])],
  ];
}

/** The backlog by the rule of the verdict. */
function backlogBy({ replication, vitals }: Status): Backlog {
  return backlogOf(vitals, replication.alarms.latencySeconds * 1000);
}

interface Waiting {
  readonly waits: string;
  readonly horizon: string;
  readonly pending: string;
}

function waiting(status: Status): Waiting {
  const { vitals } = status;
  const { nowMs, paused } = vitals;
  const { ageMs, trend, leftMs } = backlogBy(status);
  if (paused !== undefined && paused !== 'unknown') {
    const mostMs = nowMs - paused.oldestMs;
    const waits = `at most ${duration(mostMs)}: paused`;
    return { waits, horizon: untilForgotten(mostMs), pending: 'not known: paused' };
  }
  const isKnown = isRead(vitals);
  if (trend === 'none') {
    const waits = ageMs <= ROUNDING_MS ? NONE : `up to ${duration(ageMs)} in the last 5 min`;
    if (!isKnown) return { waits: UNKNOWN, horizon: NONE, pending: UNKNOWN };
    return { waits, horizon: NONE, pending: pendingOf(status) };
  }
  const isPast = trend === 'catching-up' && leftMs === undefined;
  return {
    waits: isPast ? `up to ${duration(ageMs)} in the last 5 min` : duration(ageMs),
    horizon: untilForgotten(ageMs),
    pending: isKnown ? pendingOf(status) : UNKNOWN,
  };
}

/** The estimate of a batch says nothing any more where nothing has waited since. */
function pendingFigure(status: Status): readonly [number, number] | undefined {
  const { nowMs, own } = status.vitals;
  const last = latest(own.PendingRecords);
  if (last === undefined || backlogBy(status).trend !== 'none') return last;
  return last[0] >= nowMs - WINDOW_MS || last[1] === 0 ? last : undefined;
}

function pendingOf(status: Status): string {
  const { own, nowMs } = status.vitals;
  const figure = pendingFigure(status);
  return figure === undefined ? NONE : dated(count(figure[1]), own.PendingRecords, nowMs);
}

/** With the time that it is of, where that is not just now. */
function dated(text: string, series: Series | undefined, nowMs: number): string {
  const [atMs] = latest(series) ?? [];
  if (atMs === undefined || nowMs - atMs <= FRESH_MS) return text;
  return `${text} as of ${utcTime(atMs).slice(11, 16)}Z`;
}

function untilForgotten(ageMs: number): string {
  const leftMs = STREAM_LIFE_MS - ageMs;
  return leftMs > 0 ? duration(leftMs) : 'over: records may be lost';
}

function flowRows({ nowMs, own }: Vitals): Row[] {
  const spark = (series: Series = []) =>
    sparkline(series, { fromMs: nowMs - HOUR_MS, toMs: nowMs, columns: SPARK_COLUMNS });
  const perMinute = (series: Series | undefined) =>
    `${count(Math.round(sumSince(series, nowMs - RECENT_MS) / (RECENT_MS / MINUTE_MS)))}/min`;
  const inTheHour = (series: Series | undefined) => count(sumSince(series, 0));
  const causes = [
    ['redelivered', own.SupersededByRedelivery],
    ['newer item', own.SupersededByNewerItem],
    ['deleted since', own.SupersededByTombstone],
  ] as const;
  return [
    ['applied', perMinute(own.AppliedRecords), spark(own.AppliedRecords)],
    ['coalesced', perMinute(own.CoalescedRecords), spark(own.CoalescedRecords)],
    ['superseded, last hour', inTheHour(own.SupersededRecords), breakdown(causes)],
    ['to be retried', perMinute(own.RetriedRecords), spark(own.RetriedRecords)],
  ];
}

function troubleRows({ own, services, deadLetters }: Vitals): Row[] {
  const inTheHour = (series: Series | undefined) => sumSince(series, 0);
  const [, oldestSeconds = 0] = latest(services.ApproximateAgeOfOldestMessage) ?? [];
  const oldest =
    deadLetters > 0 && oldestSeconds > 0
      ? `oldest ${duration(oldestSeconds * 1000)}, kept for 14 days`
      : '';
  const lost =
    inTheHour(services.DroppedEventCount) + inTheHour(services.DestinationDeliveryFailures);
  const failures = [
    ['throttled', own.DestinationThrottles],
    ['unreachable', own.DestinationUnreachable],
    ['denied', own.DestinationDenied],
    ['function errors', services.Errors],
  ] as const;
  const givenUp = count(inTheHour(services.OnFailureDestinationDeliveredEventCount));
  return [
    ['dead letters', count(deadLetters), oldest],
    ['given up, lost, last hour', `${givenUp}, ${count(lost)}`, ''],
    ['revenants, last hour', count(inTheHour(own.Revenants)), ''],
    ['oldest to look at again', lookAgainAge(services.LookAgainAge), ''],
    [
      'failures, last hour',
      count(failures.reduce((sum, [, series]) => sum + inTheHour(series), 0)),
      breakdown(failures),
    ],
  ];
}

/** Of an hour: "3 throttled, 1 denied". */
function breakdown(parts: ReadonlyArray<readonly [string, Series | undefined]>): string {
  return parts
    .map(([what, series]) => [what, sumSince(series, 0)] as const)
    .filter(([, times]) => times > 0)
    .map(([what, times]) => `${count(times)} ${what}`)
    .join(', ');
}

/** Deletes wait there for their delay, even when all is well. */
function lookAgainAge(series: Series | undefined): string {
  const [, seconds = 0] = latest(series) ?? [];
  return seconds === 0 ? NONE : duration(seconds * 1000);
}

function readerText({ mapping }: Vitals): string {
  if (mapping === undefined) return 'none';
  return mapping.lastResult === '' ? mapping.state : `${mapping.state}, ${mapping.lastResult}`;
}

function timeOf(series: Series | undefined): string {
  const [, value] = latest(series) ?? [];
  return value === undefined ? NONE : duration(value);
}

function count(value: number | undefined): string {
  return value === undefined ? NONE : grouped(value);
}

/** Fields are added, never renamed. */
export function statusJson(status: Status): string {
  const { replication, vitals, verdict } = status;
  const { own, services, latency, deadLetters, mapping } = vitals;
  const last = (series: Series | undefined) => latest(series)?.[1] ?? null;
  const { trend, ageMs } = backlogBy(status);
  const isPaused = vitals.paused !== undefined && vitals.paused !== 'unknown';
  const isUnread = isPaused || !isRead(vitals);
  const isNothing = trend === 'none' && ageMs <= ROUNDING_MS;
  const oldest =
    isPaused || (isUnread && trend === 'none') ? null : isNothing ? 0 : Math.round(ageMs);
  const inTheHour = Object.fromEntries(
    Object.entries({ ...own, ...services })
      .filter(([name]) => !GAUGES.includes(name))
      .map(([name, series]) => [name, sumSince(series, 0)]),
  );
  return JSON.stringify({
    replication: replication.name,
    level: verdict.level,
    verdict: verdict.text,
    runbook:
      verdict.runbook === undefined
        ? null
        : runbookLink(replication.alarms.runbook, verdict.runbook),
    latencyMs: { p50: last(latency.p50), p90: last(latency.p90), p99: last(latency.p99) },
    heartbeatMs: last(own.HeartbeatLatency),
    oldestUnappliedMs: oldest,
    trend: oldest === null ? 'unknown' : trend,
    pendingRecordsEstimate: isUnread ? null : (pendingFigure(status)?.[1] ?? null),
    figuresAt: {
      latencyMs: timeAt(latency.p99),
      heartbeatMs: timeAt(own.HeartbeatLatency),
      oldestUnappliedMs: timeAt(highestOf(own.OldestUnappliedAge, services.IteratorAge)),
      pendingRecordsEstimate: timeAt(own.PendingRecords),
    },
    deadLetters,
    oldestLookAgainSeconds: last(services.LookAgainAge),
    mapping: mapping ?? null,
    pause: pauseFacts(vitals.paused),
    controlProblem: vitals.controlProblem ?? null,
    inTheLastHour: inTheHour,
  });
}

function timeAt(series: Series | undefined): string | null {
  const [atMs] = latest(series) ?? [];
  return atMs === undefined ? null : utcTime(atMs);
}

function pauseFacts(paused: Vitals['paused']) {
  if (paused === undefined) return null;
  if (paused === 'unknown') return paused;
  const { lostAfterMs } = horizonOf(paused, Infinity);
  return { since: utcTime(paused.sinceMs), changesLostAfter: utcTime(lostAfterMs) };
}

/** Of which a sum over an hour means nothing. */
const GAUGES: readonly string[] = [
  'ReplicationLatency',
  'HeartbeatLatency',
  'HeartbeatAge',
  'OldestUnappliedAge',
  'PendingRecords',
  'IteratorAge',
  'ApproximateAgeOfOldestMessage',
  'LookAgainAge',
];
