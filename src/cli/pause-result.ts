// What a pause or a resume would do, does, or has done, for people or for machines.

import { givenName, otherName } from '../config/directions.ts';
import { expiringHours, givesUp, isGivenUp, retentionText } from '../config/record-age.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { Paused } from '../model/control-row.ts';
import { duration } from '../text/duration.ts';
import { horizonOf, utcTime } from '../status/pause.ts';
import type { PauseContext, PauseResult, ResumeResult } from '../switchover/pause.ts';
import type { EventSource } from '../ports.ts';
import type { Io } from './output.ts';

/** The replication latency, or why it is unknown. */
export type Lag = { readonly lagMs: number } | { readonly lagMs: undefined; readonly why: string };

/** Prints each request to Lambda, and that it takes a while. */
export function switchReporter(io: Io): PauseContext['onStep'] {
  let isWaiting = false;
  return ({ kind, mapping: { id } }) => {
    switch (kind) {
      case 'disable':
        io.err(`Disabling the event source mapping ${id}.`);
        return;
      case 'enable':
        io.err(`Enabling the event source mapping ${id}.`);
        return;
      case 'waiting':
        if (!isWaiting) io.err('Waiting for Lambda. This takes about a minute.');
        isWaiting = true;
    }
  };
}

export function mappingLines(all: readonly EventSource[]): string[] {
  if (all.length === 0) return ['The replicate function has no event source mapping.'];
  return all.map(({ id, state }) => `The event source mapping ${id} is ${state}.`);
}

/** The times of the pause, before it begins and after it. */
export function horizonLines(
  paused: Paused,
  replication: ReplicationConfig,
  lag: Lag | undefined,
): string[] {
  const { eventSource } = replication;
  const { givenUpAfterMs, lostAfterMs } = horizonOf(paused, replication);
  const age = duration(eventSource.maxRecordAgeSeconds * 1000);
  return [
    `Resume before ${utcTime(lostAfterMs)}. After that, changes are lost, because the stream keeps a record for ${retentionText(replication.source)}.`,
    ...(givenUpAfterMs < lostAfterMs
      ? [
          `If you resume after ${utcTime(givenUpAfterMs)}, Lambda ${givesUp(replication, `records older than ${age}`)}. Then redrive them.`,
        ]
      : []),
    ...(lag !== undefined && lag.lagMs === undefined
      ? [`The replication latency could not be read (${lag.why}). Subtract it from both times.`]
      : []),
  ];
}

export function alarmLines(replication: ReplicationConfig): string[] {
  if (!replication.alarms.enabled)
    return ['The pause sets off no alarm, because the alarms are switched off.'];
  return replication.heartbeat === undefined
    ? ['The pause sets off no alarm, because the replication has no heartbeat.']
    : [
        `The pause sets off these alarms: heartbeat-missing after 5 minutes, records-waiting after 1 hour, records-expiring after ${expiringHours(replication)} hours.`,
      ];
}

/** The function that is paused looks at what the other direction inserts. */
export function insertCheckLines(replication: ReplicationConfig): string[] {
  const { twoWay, source } = replication;
  if (twoWay === undefined) return [];
  const other = otherName(replication);
  return [
    `${other} goes on. What it inserts in ${source.region} is not checked during the pause: an item that was deleted can be there again until the resume. \`ferry pause --replication ${other}\` pauses it, too.`,
  ];
}

/** `Enabled` in the template is what the next change of the mapping sets. */
export function deploymentLines({ eventSource }: ReplicationConfig): string[] {
  return eventSource.enabled
    ? [
        'A deployment that changes or replaces the mapping enables it. Then the function holds every record, and the alarm records-held fires, until `ferry resume`.',
      ]
    : [];
}

export function pauseFacts(
  replication: ReplicationConfig,
  { paused, mark }: Pick<PauseResult, 'paused'> & Partial<PauseResult>,
  { apply, lag, all }: { apply: boolean; lag: Lag | undefined; all: readonly EventSource[] },
): object {
  const { givenUpAfterMs, lostAfterMs } = horizonOf(paused, replication);
  return {
    apply,
    pausedSince: utcTime(paused.sinceMs),
    changesGivenUpAfter: utcTime(givenUpAfterMs),
    changesLostAfter: utcTime(lostAfterMs),
    lagMs: lag?.lagMs ?? null,
    marked: mark === undefined ? null : mark.kind === 'marked',
    mappings: all.map(({ id, state }) => ({ id, state })),
  };
}

export function leftLines(left: readonly EventSource[]): string[] {
  return left.map(
    ({ id, streamArn }) =>
      `The event source mapping ${id} is unchanged, because the control row does not allow its stream ${streamArn} to write. Run \`ferry adopt\`.`,
  );
}

/** After a resume: what was paused, and what the stream may have lost. */
export function resumedLines(
  { paused, enabled, left }: ResumeResult,
  replication: ReplicationConfig,
  nowMs: number,
): string[] {
  return [
    ...enabled.map(({ id }) => `The event source mapping ${id} is enabled.`),
    ...leftLines(left),
    ...(paused === undefined
      ? ['No pause was noted, so the age of the oldest change is unknown.']
      : lossLines(paused, replication, nowMs)),
    ...(replication.eventSource.enabled
      ? []
      : [
          'The configuration has "eventSource": {"enabled": false}. A deployment that changes the mapping disables it again.',
        ]),
  ];
}

export function lossLines(paused: Paused, replication: ReplicationConfig, nowMs: number): string[] {
  const { eventSource } = replication;
  const { givenUpAfterMs, lostAfterMs } = horizonOf(paused, replication);
  const older = `records older than ${duration(eventSource.maxRecordAgeSeconds * 1000)}`;
  const redrive = `Lambda ${givesUp(replication, older)}. When the status is healthy, run \`ferry redrive --replication ${givenName(replication)} --apply\`.`;
  if (nowMs >= lostAfterMs)
    return [
      `Changes from ${utcTime(paused.oldestMs)} to ${utcTime(nowMs - (lostAfterMs - paused.oldestMs))} are lost.`,
      ...(isGivenUp(replication) ? [redrive] : []),
      afterLoss(replication),
    ];
  if (nowMs >= givenUpAfterMs) return [redrive];
  return [
    `The oldest changes are up to ${duration(nowMs - paused.oldestMs)} old. Lambda reads them first. No change is lost.`,
  ];
}

function afterLoss({ twoWay }: ReplicationConfig): string {
  return twoWay?.mode === 'stamped'
    ? 'Then run `ferry merge`. Items that were deleted in that time come back from the other Region.'
    : 'Then run `ferry backfill`, `ferry verify` and `ferry repair`.';
}
