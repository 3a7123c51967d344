// What a rehearsal has found, failure by failure, and whether all of it was as it must be.

import type { NotRehearsed } from './failures.ts';
import type { LatencySample } from './load.ts';
import type { FailureName, RehearsalPlace, SwitchOutcome } from './ports.ts';

interface AlarmOutcome {
  readonly name: string;
  /** From the failure on; null where it did not fire. */
  readonly firedAfterMs: number | null;
}

export interface FailureOutcome {
  readonly name: FailureName;
  readonly does: string;
  /** Epoch milliseconds. */
  readonly startedAtMs: number;
  /** When it was taken back; of a switch, when it had ended. */
  readonly recoveredAtMs: number;
  /** When `ferry status` was healthy again, and everything had arrived; null where that did not happen in time. */
  readonly healthyAtMs: number | null;
  readonly alarms: readonly AlarmOutcome[];
  /** Alarms that fired as well. */
  readonly otherAlarms: readonly string[];
  /** What `ferry status` said, once it was what it must say. */
  readonly status: { readonly text: string; readonly seenAfterMs: number } | null;
  /** The highest age of a write that the twin did not have. Of a switch, `switches` says more. */
  readonly behindMs: number;
  readonly switches: readonly SwitchOutcome[];
  /** Dead letters that a redrive has left; null where there was none. */
  readonly left: number | null;
  readonly commands: readonly string[];
  /** What was not as it must be, in sentences. */
  readonly problems: readonly string[];
}

export interface RehearsalReport extends Pick<RehearsalPlace, 'name' | 'regions' | 'minuteMs'> {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly failures: readonly FailureOutcome[];
  readonly notRehearsed: readonly NotRehearsed[];
  readonly writes: number;
  /** Writes that the application refused during switches. */
  readonly refused: number;
  /** Items that differ at the end; null where the tables were not compared, because the rehearsal was stopped. */
  readonly differences: number | null;
  readonly latency: readonly LatencySample[];
}

export function problemsOf({ failures, differences }: RehearsalReport): string[] {
  const apart =
    differences === null || differences === 0 ? [] : [`${differences} items differ at the end.`];
  return [
    ...failures.flatMap(({ name, problems }) => problems.map((one) => `${name}: ${one}`)),
    ...apart,
  ];
}

/** One line for scripts. Fields are added, never renamed. */
export function reportFacts(report: RehearsalReport) {
  const { startedAtMs, endedAtMs, failures, latency, regions, name, ...counts } = report;
  const [source, destination] = regions;
  const { minuteMs, ...rest } = counts;
  return {
    replication: name,
    source,
    destination,
    startedAt: utc(startedAtMs),
    durationSeconds: seconds(endedAtMs - startedAtMs),
    minuteMs,
    ...rest,
    failures: failures.map(failureFacts),
    latencyMs: bySecond(latency, startedAtMs),
    problems: problemsOf(report),
  };
}

/** Of switches, the longest of their proofs. Null where it is not known, or where it did not heal. */
export function objectivesOf({ behindMs, healthyAtMs, recoveredAtMs, switches }: FailureOutcome) {
  const rpos = switches.map(({ rpoSeconds }) => rpoSeconds ?? Infinity);
  const rpoMs = switches.length === 0 ? behindMs : Math.max(...rpos) * 1000;
  const rtos = switches.map(({ rtoSeconds }) => rtoSeconds * 1000);
  return {
    rpoMs: rpoMs === Infinity ? null : rpoMs,
    rtoMs:
      healthyAtMs === null
        ? null
        : Math.max(...rtos, switches.length === 0 ? healthyAtMs - recoveredAtMs : 0),
  };
}

function failureFacts(outcome: FailureOutcome) {
  const { startedAtMs, recoveredAtMs, healthyAtMs, behindMs: _, status, ...rest } = outcome;
  const { rpoMs, rtoMs } = objectivesOf(outcome);
  return {
    ...rest,
    startedAt: utc(startedAtMs),
    recoveredAt: utc(recoveredAtMs),
    healthyAt: healthyAtMs === null ? null : utc(healthyAtMs),
    rpoSeconds: rpoMs === null ? null : seconds(rpoMs),
    rtoSeconds: rtoMs === null ? null : seconds(rtoMs),
    status,
  };
}

/** The highest latency of the writes of each second, by the second of the rehearsal. */
export function bySecond(latency: readonly LatencySample[], startMs: number) {
  const highest = new Map<number, number>();
  for (const { writtenAtMs, latencyMs } of latency) {
    const second = Math.floor((writtenAtMs - startMs) / 1000);
    highest.set(second, Math.max(latencyMs, highest.get(second) ?? 0));
  }
  return [...highest].toSorted(([a], [b]) => a - b);
}

const utc = (ms: number) => new Date(ms).toISOString();
const seconds = (ms: number) => Math.round(ms / 100) / 10;
