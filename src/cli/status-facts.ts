// The status of one replication for scripts.

import { givenName } from '../config/directions.ts';
import { retentionMs } from '../config/record-age.ts';
import type { ActiveRegion } from '../model/active-region.ts';
import type { SwitchRecord } from '../model/switch-record.ts';
import { isCount } from '../composition/read-vitals.ts';
import { utcTime } from '../status/pause.ts';
import { highestOf, isRead, latest, type Series, sumSince } from '../model/vitals.ts';
import { runbookLink } from './runbook-link.ts';
import { processFacts } from './status-process.ts';
import { twinFacts } from './status-twin.ts';
import { twoWayFacts } from './status-two-way.ts';
import {
  IN_FLIGHT_MS,
  pendingFigure,
  type Status,
  statusBacklog,
  statusDeadline,
  strayWrites,
  type SwitchingOf,
} from './status-figures.ts';

/** Fields are added, never renamed. */
export function statusFacts(status: Status) {
  const { replication, vitals, verdict, process } = status;
  const { own, services, latency, deadLetters, mapping } = vitals;
  const last = (series: Series | undefined) => latest(series)?.[1] ?? null;
  const { deployed = null, written = 'unknown' } = vitals.projection ?? {};
  const { trend, ageMs } = statusBacklog(status);
  const isPaused = vitals.paused !== undefined && vitals.paused !== 'unknown';
  const isUnread = isPaused || !isRead(vitals);
  const isNothing = trend === 'none' && ageMs <= IN_FLIGHT_MS;
  const oldest =
    isPaused || (isUnread && trend === 'none') ? null : isNothing ? 0 : Math.round(ageMs);
  const inTheHour = Object.fromEntries(
    Object.entries({ ...own, ...services })
      .filter(([name]) => isCount(name))
      .map(([name, series]) => [name, sumSince(series, 0)]),
  );
  return {
    replication: givenName(replication),
    direction: status.switching?.direction,
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
    deadline: deadlineFacts(status),
    deadLetters: process === undefined ? deadLetters : null,
    process: processFacts(process),
    oldestLookAgainSeconds: last(services.LookAgainAge),
    mapping: mapping ?? null,
    pause: pauseFacts(status),
    controlProblem: vitals.controlProblem ?? null,
    projection: { deployed, written },
    deployedFunction: process ? 'none' : vitals.isOlder === true ? 'older' : 'current',
    switching: status.switching && switchingFacts(status, status.switching),
    twoWay: twoWayFacts(status),
    ...twinFacts(status),
    inTheLastHour: inTheHour,
  };
}

function switchingFacts(status: Status, now: SwitchingOf) {
  const { state, own, other, strandedObjects, ofTables } = now;
  const { epoch, lost, switch: record } = state.kind === 'active' ? state : NOTHING_ACTIVE;
  return {
    active: epoch?.region ?? null,
    since: epoch === undefined ? null : utcTime(epoch.fromMs),
    epoch: epoch?.n ?? null,
    switch: record === undefined ? null : switchFacts(record),
    lost: lost === undefined ? null : { region: lost.region, since: utcTime(lost.sinceMs) },
    strayWrites: strayWrites(status),
    strandedObjects: strandedObjects ?? null,
    tables: ofTables,
    own: { level: own.level, verdict: own.text },
    other: {
      direction: other.direction,
      level: other.verdict.level,
      verdict: other.verdict.text,
      deadLetters: other.vitals?.deadLetters ?? null,
    },
  };
}

const NOTHING_ACTIVE: Partial<ActiveRegion> = {};

function switchFacts({ target, step, by, startedAtMs, fencedAtMs, keys }: SwitchRecord) {
  const fencedAt = fencedAtMs === undefined ? null : utcTime(fencedAtMs);
  return { target, step, by, startedAt: utcTime(startedAtMs), fencedAt, keys };
}

/** Null where Lambda stores what it gives up, or where nothing waits. */
function deadlineFacts(status: Status) {
  const deadline = statusDeadline(status);
  if (deadline === undefined) return null;
  const { givenUpAfterMs, redriveUntilMs } = deadline;
  return { givenUpAfter: utcTime(givenUpAfterMs), redriveUntil: utcTime(redriveUntilMs) };
}

function timeAt(series: Series | undefined): string | null {
  const [atMs] = latest(series) ?? [];
  return atMs === undefined ? null : utcTime(atMs);
}

function pauseFacts({ vitals: { paused }, replication: { source } }: Status) {
  if (paused === undefined) return null;
  if (paused === 'unknown') return paused;
  const changesLostAfter = utcTime(paused.oldestMs + retentionMs(source));
  return { since: utcTime(paused.sinceMs), changesLostAfter };
}
