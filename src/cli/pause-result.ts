// What a pause or a resume would do, does, or has done, for people or for machines.

import { type ReplicationConfig } from '../config/config.ts';
import type { Paused } from '../model/control-row.ts';
import { duration } from '../text/duration.ts';
import { horizonOf, utcTime } from '../status/pause.ts';
import type { PauseContext, PauseResult, ResumeResult } from '../switchover/pause.ts';
import type { EventSource } from '../ports.ts';
import type { Io } from './output.ts';

/** How far the twin is behind, or why that is not known. */
export type Lag = { readonly lagMs: number } | { readonly lagMs: undefined; readonly why: string };

/** Says what is asked of Lambda, and that it takes a while. */
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
        if (!isWaiting)
          io.err('Waiting until Lambda has done it. This takes up to a minute or so.');
        isWaiting = true;
    }
  };
}

export function titleOf({ name, source, destination }: ReplicationConfig): string {
  return `${name}, ${source.region}/${source.table} to ${destination.region}/${destination.table}`;
}

export function mappingLines(all: readonly EventSource[]): string[] {
  if (all.length === 0) return ['The replicate function has no event source mapping.'];
  return all.map(({ id, state }) => `The event source mapping ${id} is ${state}.`);
}

/** The clock of the pause: what is to be known before it is begun, and again afterwards. */
export function horizonLines(
  paused: Paused,
  { eventSource }: ReplicationConfig,
  lag: Lag | undefined,
): string[] {
  const { givenUpAfterMs, lostAfterMs } = horizonOf(paused, eventSource.maxRecordAgeSeconds);
  const age = duration(eventSource.maxRecordAgeSeconds * 1000);
  return [
    `Resume before ${utcTime(lostAfterMs)}: after that, changes are lost. The stream keeps a record for 24 hours.`,
    ...(givenUpAfterMs < lostAfterMs
      ? [
          `If it is resumed after ${utcTime(givenUpAfterMs)}, records older than ${age} go to the on-failure bucket, and have to be redriven.`,
        ]
      : []),
    ...(lag !== undefined && lag.lagMs === undefined
      ? [
          `How far the twin is behind could not be read (${lag.why}). Both times are earlier by as much.`,
        ]
      : []),
  ];
}

/** What a pause sets off, so that nobody is surprised. */
export function alarmLines({ heartbeat }: ReplicationConfig): string[] {
  return heartbeat === undefined
    ? ['No alarm fires because of the pause: the replication has no heartbeat.']
    : [
        'The alarm heartbeat-missing fires after five minutes, records-waiting after an hour and records-expiring after 12 hours. They are not silenced.',
      ];
}

/** `Enabled` in the template is what the next change of the mapping sets. */
export function deploymentLines({ eventSource }: ReplicationConfig): string[] {
  return eventSource.enabled
    ? [
        'A deployment that changes or replaces the mapping enables it. The function then holds every record, and the alarm records-held fires, until `ferry resume`.',
      ]
    : [];
}

export function pauseJson(
  replication: ReplicationConfig,
  { paused, mark }: Pick<PauseResult, 'paused'> & Partial<PauseResult>,
  facts: {
    readonly apply: boolean;
    readonly lag: Lag | undefined;
    readonly all: readonly EventSource[];
  },
): string {
  const { maxRecordAgeSeconds } = replication.eventSource;
  const { givenUpAfterMs, lostAfterMs } = horizonOf(paused, maxRecordAgeSeconds);
  return JSON.stringify({
    replication: replication.name,
    apply: facts.apply,
    pausedSince: utcTime(paused.sinceMs),
    changesGivenUpAfter: utcTime(givenUpAfterMs),
    changesLostAfter: utcTime(lostAfterMs),
    lagMs: facts.lag?.lagMs ?? null,
    marked: mark === undefined ? null : mark.kind === 'marked',
    mappings: facts.all.map(({ id, state }) => ({ id, state })),
  });
}

export function leftLines(left: readonly EventSource[]): string[] {
  return left.map(
    ({ id, streamArn }) =>
      `The event source mapping ${id} is left as it is: the control row does not let its stream ${streamArn} write. Run \`ferry adopt\`.`,
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
      ? ['No pause was written down, so that the age of the oldest change is not known.']
      : lossLines(paused, replication, nowMs)),
    ...(replication.eventSource.enabled
      ? []
      : [
          'The configuration says "eventSource": {"enabled": false}. A deployment that changes the mapping disables it again.',
        ]),
  ];
}

export function lossLines(
  paused: Paused,
  { eventSource, name }: ReplicationConfig,
  nowMs: number,
): string[] {
  const { givenUpAfterMs, lostAfterMs } = horizonOf(paused, eventSource.maxRecordAgeSeconds);
  const redrive = `Records older than ${duration(eventSource.maxRecordAgeSeconds * 1000)} go to the on-failure bucket. When the status is healthy, run \`ferry redrive --replication ${name} --apply\`.`;
  if (nowMs >= lostAfterMs)
    return [
      `Changes from ${utcTime(paused.oldestMs)} to ${utcTime(nowMs - (lostAfterMs - paused.oldestMs))} are lost from the stream.`,
      redrive,
      'Then run `ferry backfill`, `ferry verify` and `ferry repair`.',
    ];
  if (nowMs >= givenUpAfterMs) return [redrive];
  return [
    `The oldest changes have waited for up to ${duration(nowMs - paused.oldestMs)}, with at least a minute to spare: how far the twin was behind is known by the minute. They are read first, and none is lost.`,
  ];
}
