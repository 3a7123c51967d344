// How a run is, in one plain sentence: is the twin behind, and why. Pure.

import { counted } from '../../text/number-text.ts';
import type { FaultName, Verdict } from './page-view.ts';

export type RunPhase =
  | 'starting'
  | 'writing'
  /** The workload is over; its last changes are on their way. */
  | 'settling'
  | 'comparing'
  /** After the comparison, with --keep. */
  | 'replicating'
  | 'ended';

/** What the function has met at the destination. */
export type Trouble = 'unreachable' | 'throttled' | 'denied';

/** What the comparison of the tables has shown. */
export interface Ending {
  readonly text: string;
  readonly clean: boolean;
}

export interface Findings {
  readonly phase: RunPhase;
  readonly ending: Ending | undefined;
  /** For how long the oldest change has waited. */
  readonly waitedMs: number;
  /** Median of the changes that have just been applied; undefined if there are none. */
  readonly latencyMs: number | undefined;
  /** The longest that changes took, or waited, in the seconds before. */
  readonly earlierMs: number;
  /** Changes that were read from the stream, and are not done with. */
  readonly pending: number;
  readonly trouble: Trouble | undefined;
  readonly faults: Readonly<Record<FaultName, boolean>>;
  readonly waitingLetters: number;
}

/** Stream times are whole seconds, so a change may look up to a second older than it is. */
const BEHIND_MS = 2_000;
const LATE_MS = 1_000;
/** Latencies of one backlog differ a little from second to second. */
const FALLING_SHARE = 0.95;

export function verdictOn(findings: Findings): Verdict {
  const { phase, ending } = findings;
  switch (phase) {
    case 'starting':
      return busy('starting', 'Starting two Regions, and the function between them.');
    case 'comparing':
      return busy('comparing', 'Comparing the tables, item by item.');
    case 'ended':
      return ended(ending);
    case 'settling':
      return behind(findings) ?? busy('settling', 'Finishing: the last changes are on their way.');
    case 'writing':
    case 'replicating':
      return behind(findings) ?? inStep(findings);
  }
}

function ended(ending: Ending | undefined): Verdict {
  if (ending === undefined) {
    return bad('ended', 'The run has ended before its tables were compared.');
  }
  return { kind: 'ended', tone: ending.clean ? 'good' : 'bad', text: ending.text };
}

function behind(findings: Findings): Verdict | undefined {
  const { waitedMs } = findings;
  if (waitedMs >= BEHIND_MS) {
    const why = reason(findings);
    const waited = `the oldest change has waited ${duration(waitedMs)}`;
    return bad('behind', `Behind: ${waited}${why === '' ? '' : `; ${why}`}.`);
  }
  return late(findings);
}

/** Nothing is caught up where nothing waits, or where changes arrive as late as before. */
function late({ latencyMs, earlierMs, pending }: Findings): Verdict | undefined {
  if (latencyMs === undefined || latencyMs < LATE_MS || pending === 0) return undefined;
  const text = `changes arrive ${duration(latencyMs)} after they were written.`;
  return latencyMs < FALLING_SHARE * earlierMs
    ? busy('catching-up', `Catching up: ${text}`)
    : busy('late', `Late: ${text}`);
}

/** What is known for sure comes first; what the function has met may be over by now. */
function reason({ trouble, faults }: Findings): string {
  if (faults.outage) return 'the destination is unreachable';
  switch (trouble) {
    case 'unreachable':
      return 'the destination could not be reached last time';
    case 'denied':
      return 'the destination refuses the credentials';
    case 'throttled':
      return 'the destination throttles';
    case undefined:
      return faults.throttle ? 'the destination throttles' : '';
  }
}

function inStep({ latencyMs, waitingLetters, faults, trouble }: Findings): Verdict {
  if (waitingLetters > 0) {
    const letters = counted(waitingLetters, 'dead letter waits', 'dead letters wait');
    const text = `In step, but ${letters} for a redrive.`;
    return bad('dead-letters', text);
  }
  // Changes that took longer are the last ones of a jam.
  if (latencyMs === undefined || latencyMs >= BEHIND_MS)
    return good('healthy', 'Healthy: no change is waiting.');
  const lag = `the twin is ${duration(latencyMs)} behind`;
  return faults.throttle && trouble === 'throttled'
    ? good('healthy-throttled', `Healthy: ${lag}, although the destination throttles.`)
    : good('healthy', `Healthy: ${lag}.`);
}

const good = (kind: string, text: string): Verdict => ({ kind, tone: 'good', text });
const busy = (kind: string, text: string): Verdict => ({ kind, tone: 'busy', text });
const bad = (kind: string, text: string): Verdict => ({ kind, tone: 'bad', text });

/** 40 ms, 1.4 s, 12 s, 3 min. */
function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${Number((ms / 1_000).toFixed(1))} s`;
  return ms < 120_000 ? `${Math.round(ms / 1_000)} s` : `${Math.round(ms / 60_000)} min`;
}
