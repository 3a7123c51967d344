// Which Region is active, and what goes on beside that: a switch, a lost Region, copies of the control row that allow no
// writes. The verdict about it comes before all others.

import type { ActiveRegion, DirectionState } from '../model/active-region.ts';
import type { SwitchRecord } from '../model/switch-record.ts';
import { duration } from '../text/duration.ts';
import { counted, grouped } from '../text/number-text.ts';
import { utcTime } from './pause.ts';
import type { Verdict } from './verdict-case.ts';

export interface SwitchingNow {
  readonly state: DirectionState;
  readonly nowMs: number;
  /** Age of the oldest record that waits in the active direction. */
  readonly waitedMs: number;
  /** The age up to which Lambda keeps records in the stream. */
  readonly maxRecordAgeMs: number;
}

/** @returns undefined where one Region is active, and nothing changes that. */
export function switchingVerdict(now: SwitchingNow): Verdict | undefined {
  const { state } = now;
  if (state.kind === 'unclear') return { level: 'unknown', text: state.why, runbook: UNREADABLE };
  if (state.kind === 'unwritten')
    return held('neither Region has a control row: nothing is replicated until `ferry adopt`');
  if (state.switch !== undefined)
    return {
      level: 'switching',
      text: switchText(state.switch, now.nowMs),
      runbook: 'planned-evacuation',
    };
  if (state.lost !== undefined)
    return { level: 'lost', text: lostText(state, now), runbook: 'region-lost' };
  if (state.apart !== undefined) return held(state.apart, UNREADABLE);
  return state.closing
    ? held('nothing is written, because an epoch is being opened, or `ferry adopt` has not ended')
    : undefined;
}

const UNREADABLE = 'control-row-unreadable';

function held(text: string, runbook = 'records-held'): Verdict {
  return { level: 'held', text, runbook };
}

/** "audited, 7,909 of 9,113 keys, fenced for 41 s; alice, to eu-west-1" */
function switchText(record: SwitchRecord, nowMs: number): string {
  const { step, keys, total, fencedAtMs, by, target } = record;
  const known =
    total === undefined ? counted(keys, 'key') : `${grouped(keys)} of ${counted(total, 'key')}`;
  const parts = [
    step,
    ...(keys === 0 ? [] : [known]),
    ...(fencedAtMs === undefined ? [] : [`fenced for ${duration(nowMs - fencedAtMs)}`]),
  ];
  return `${parts.join(', ')}; ${by}, to ${target}`;
}

/** "us-east-1 since …; the way back holds 31 min, limit 20 h" */
function lostText({ lost, epoch }: ActiveRegion, now: SwitchingNow): string {
  const { nowMs, waitedMs, maxRecordAgeMs } = now;
  // A function that reaches neither table nor CloudWatch publishes nothing.
  const holdsMs = waitedMs > 0 ? waitedMs : nowMs - epoch.fromMs;
  const since = lost === undefined ? '' : `${lost.region} since ${utcTime(lost.sinceMs)}`;
  return `${since}; the way back holds ${duration(holdsMs)}, limit ${duration(maxRecordAgeMs)}`;
}

/** "us-east-1 is active since … (epoch 3)"; undefined where it is not known. */
export function activeText(state: DirectionState): string | undefined {
  if (state.kind !== 'active') return undefined;
  const { region, fromMs, n } = state.epoch;
  return `${region} is active since ${utcTime(fromMs)} (epoch ${n})`;
}

/** The verdict of both directions: that of the other one where nothing is wrong with this one. */
export function worseOf(verdict: Verdict, other: Verdict, name: string): Verdict {
  if (verdict.level !== 'healthy' || other.level === 'healthy') return verdict;
  return { ...other, text: `the direction ${name}: ${other.text}` };
}
